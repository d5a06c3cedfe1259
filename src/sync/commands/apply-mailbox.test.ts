import assert from "node:assert/strict";
import { test } from "node:test";
import { openSyncPair } from "../../../test/support/sync-pair.ts";
import { toUid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import { updateUser } from "../client/update-user.ts";

const ALICE = { userId: "alice", sessionId: 0 };
/** More than are looked at in one turn. */
const COUNT = 1000;
/** More than go into one commit. */
const MANY = 2500;

async function append(store: Store, count: number, text = ""): Promise<void> {
  const messages = Array.from({ length: count }, (_, index) => ({
    body: store.stageBuffer(Buffer.from(`Subject: ${text}${index}\r\n\r\nx\r\n`)),
    systemFlags: 0,
    keywords: [],
  }));
  await store.append(store.mailboxes.get("user.alice").id, messages, ALICE);
  for (const { body } of messages) body.release();
}

async function flag(store: Store, systemFlags: number, count: number): Promise<void> {
  const uids = Array.from({ length: count }, (_, index) => toUid(index + 1));
  const { id } = store.mailboxes.get("user.alice");
  await store.storeFlags(id, uids, { mode: "add", systemFlags, keywords: [] }, ALICE);
}

test("APPLY MAILBOX does not overwrite what is changed while it checks its records", async (t) => {
  const { here, there, sync } = await openSyncPair(t);
  await here.create("user.alice", {});
  await append(here, COUNT);
  await sync("alice");
  await flag(here, SystemFlag.flagged, COUNT);
  const finder = there.recordFinder.bind(there);
  let walks = 0;
  let others: Promise<void> | undefined;
  there.recordFinder = (mailbox) => {
    const find = finder(mailbox);
    const isTaken = ++walks === 2;
    return (uid) => {
      // Behind the first message, whose record is taken by then. Two changes, so that they are the later ones.
      if (isTaken && uid === COUNT / 2) {
        others = flag(there, SystemFlag.draft, 1).then(() => flag(there, SystemFlag.answered, 1));
      }
      return find(uid);
    };
  };
  await sync("alice");
  await others;
  const changed = there.findRecord(there.mailboxes.get("user.alice").id, toUid(1));
  assert.equal(changed?.systemFlags, SystemFlag.draft | SystemFlag.answered);
});

test("APPLY MAILBOX keeps a message that comes between two of its commits", async (t) => {
  const { here, there, sync } = await openSyncPair(t);
  await here.create("user.alice", {});
  await append(here, MANY);
  await sync("alice");
  await flag(here, SystemFlag.flagged, MANY);
  const apply = there.apply.bind(there);
  const headers: { lastUid: number; highestModseq: number }[] = [];
  let calls = 0;
  there.apply = async (change) => {
    const isFirst = ++calls === 1;
    const mailbox = await apply(change);
    if (isFirst) await append(there, 1, "between ");
    const { lastUid, highestModseq } = there.mailboxes.get("user.alice");
    headers.push({ lastUid, highestModseq });
    return mailbox;
  };
  await sync("alice");
  assert.deepEqual(
    headers,
    headers.toSorted((a, b) => a.lastUid - b.lastUid || a.highestModseq - b.highestModseq),
  );
  assert.equal(here.mailboxes.get("user.alice").exists, MANY + 1);
  await append(there, 1, "after ");
  assert.equal(there.mailboxes.get("user.alice").lastUid, MANY + 2);
});

test("APPLY MAILBOX by force gives no UID away that the replica has given", async (t) => {
  const { here, there, connect, sync } = await openSyncPair(t);
  await here.create("user.alice", {});
  await append(here, 3);
  await sync("alice");
  await append(there, 3, "replica ");
  await flag(there, SystemFlag.draft, 1);
  await flag(here, SystemFlag.flagged, 1);
  const run = await connect({ force: true });
  const [failed] = await updateUser(run, "alice");
  await run.replica.link.close();
  assert.match(String(failed?.error), /user\.alice .*--force/);
  const { lastUid, highestModseq, exists } = there.mailboxes.get("user.alice");
  assert.deepEqual({ lastUid, exists }, { lastUid: 6, exists: 6 });
  for (const record of [...there.readRecords(there.mailboxes.get("user.alice").id)].flat()) {
    assert.ok(record.modseq <= highestModseq, String(record.uid));
  }
  await append(there, 1, "later ");
  assert.equal(there.mailboxes.get("user.alice").lastUid, 7);
  await sync("alice");
  assert.equal(here.mailboxes.get("user.alice").exists, 7);
});

test("a replica that has let go of messages of its own becomes equal again", async (t) => {
  const { here, there, sync } = await openSyncPair(t);
  await here.create("user.alice", {});
  await append(here, 3);
  await sync("alice");
  await append(there, 2, "replica ");
  const { id } = there.mailboxes.get("user.alice");
  await there.expunge(id, [toUid(4), toUid(5)], { onlyDeleted: false }, ALICE);
  await sync("alice");
  assert.equal(here.mailboxes.get("user.alice").lastUid, 5);
});

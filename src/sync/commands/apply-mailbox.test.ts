import assert from "node:assert/strict";
import { test } from "node:test";
import { openSyncPair } from "../../../test/support/sync-pair.ts";
import { toUid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";

const ALICE = { userId: "alice", sessionId: 0 };
/** More than are looked at in one turn. */
const COUNT = 1000;

async function flag(store: Store, systemFlags: number, count: number): Promise<void> {
  const uids = Array.from({ length: count }, (_, index) => toUid(index + 1));
  const { id } = store.mailboxes.get("user.alice");
  await store.storeFlags(id, uids, { mode: "add", systemFlags, keywords: [] }, ALICE);
}

test("APPLY MAILBOX does not overwrite what is changed while it checks its records", async (t) => {
  const { here, there, sync } = await openSyncPair(t);
  const { id } = await here.create("user.alice", {});
  const messages = Array.from({ length: COUNT }, (_, index) => ({
    body: here.stageBuffer(Buffer.from(`Subject: ${index}\r\n\r\nx\r\n`)),
    systemFlags: 0,
    keywords: [],
  }));
  await here.append(id, messages, ALICE);
  for (const { body } of messages) body.release();
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

import assert from "node:assert/strict";
import { test } from "node:test";
import { openSyncPair, type SyncPair } from "../../../test/support/sync-pair.ts";
import { PipeEnd } from "../../../test/support/pipe.ts";
import { toUid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import { updateUser } from "./update-user.ts";

const ALICE = { userId: "alice", sessionId: 0 };
const INBOX = "user.alice";

async function append({ here }: SyncPair, text: string, name = INBOX): Promise<void> {
  const body = here.stageBuffer(Buffer.from(`Subject: x\r\n\r\n${text}\r\n`));
  const { id } = here.mailboxes.get(name);
  await here.append(id, [{ body, systemFlags: 0, keywords: ["$Label1"] }], ALICE);
  body.release();
}

for (const compress of [false, true]) {
  test(`inside IMAP a user becomes equal after each change, ${compress ? "" : "not "}compressed`, async (t) => {
    const pair = await openSyncPair(t);
    const { here, there, steps } = pair;
    const sync = (): Promise<void> => pair.sync("alice", { overImap: true, compress });
    const { id } = await here.create(INBOX, {});
    await append(pair, "one");
    // Its bytes compress better than 100 to 1.
    await append(pair, "x".repeat(4_000_000));
    await sync();
    assert.ok(steps.includes("UPLOAD [2 msgs]"), steps.join("\n"));
    await sync();
    assert.deepEqual(steps, ["USER alice", "ENDUSER"]);
    await here.storeFlags(
      id,
      [toUid(1)],
      { mode: "add", systemFlags: SystemFlag.seen, keywords: ["k"] },
      ALICE,
    );
    const box = await here.create("user.alice.Box", {});
    await here.copy(id, [toUid(1)], box.id, { move: true }, ALICE);
    await here.subscriptions.set("alice", INBOX, true);
    await here.annotations.set(INBOX, [
      { entry: "/comment", userId: "alice", value: Buffer.from("grün {5}\r\n") },
    ]);
    await sync();
    await here.rename(box.id, "user.alice.Other", { withChildren: false });
    await sync();
    // Both ends changed: records and a body come back.
    await there.storeFlags(
      there.mailboxes.get(INBOX).id,
      [toUid(2)],
      { mode: "add", systemFlags: SystemFlag.flagged, keywords: [] },
      ALICE,
    );
    const body = there.stageBuffer(Buffer.from("Subject: y\r\n\r\nonly there\r\n"));
    await there.append(there.mailboxes.get(INBOX).id, [{ body, systemFlags: 0, keywords: [] }], ALICE);
    await sync();
    assert.equal(here.mailboxes.get(INBOX).exists, 2);
  });
}

test("inside IMAP many changes go as one command in pieces, and refusals leave the connection usable", async (t) => {
  const pair = await openSyncPair(t);
  const { here } = pair;
  const { id } = await here.create(INBOX, {});
  await append(pair, "one");
  for (let uid = 1; uid < 3_000;) {
    const uids = Array.from({ length: Math.min(uid, 3_000 - uid) }, (_, index) => toUid(index + 1));
    await here.copy(id, uids, id, { move: false }, ALICE);
    uid += uids.length;
  }
  await pair.sync("alice", { overImap: true });
  const uids = Array.from({ length: 3_000 }, (_, index) => toUid(index + 1));
  await here.storeFlags(id, uids, { mode: "add", systemFlags: SystemFlag.flagged, keywords: [] }, ALICE);
  await pair.sync("alice", { overImap: true });

  const run = await pair.connect({ overImap: true });
  await assert.rejects(run.replica.unmailbox("user.alice.None"), /refused APPLY UNMAILBOX/);
  assert.deepEqual(await updateUser(run, "alice"), []);
  await run.replica.link.close();
});

test("a csync client that meets an IMAP port says so", async (t) => {
  const pair = await openSyncPair(t);
  const [imap, client] = PipeEnd.pair();
  imap.write("* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] ready\r\n");
  await assert.rejects(pair.connect({ client }), {
    name: "ReplicaRefusal",
    code: "wrong_transport",
    message: /there\.example\.test:2005 offers no SASL, it may be an IMAP port; it greeted with OK \[CAP/,
  });
});

test("inside IMAP only an administrator replicates", async (t) => {
  const pair = await openSyncPair(t);
  await assert.rejects(pair.connect({ overImap: true, user: "bob" }), {
    name: "ReplicaRefusal",
    code: "not_authenticated",
    message: /bob is no administrator there/,
  });
});

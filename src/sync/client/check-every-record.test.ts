import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConnectOptions, openSyncPair, type SyncPair } from "../../../test/support/sync-pair.ts";
import { toUid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import { checkUser } from "./check-user.ts";
import { updateUser } from "./update-user.ts";

const ALICE = { userId: "alice", sessionId: 0 };

async function flag(store: Store, systemFlags: number): Promise<void> {
  const { id } = store.mailboxes.get("user.alice");
  const uids = [toUid(1), toUid(2)];
  await store.storeFlags(id, uids, { mode: "add", systemFlags, keywords: [] }, ALICE);
}

test("a difference that the checksums do not see is found, and settled where it is asked for: both messages changed alike", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there, sync } = pair;
  const { id } = await here.create("user.alice", {});
  for (const text of ["one", "two"]) {
    const body = here.stageBuffer(Buffer.from(`Subject: ${text}\r\n\r\nx\r\n`));
    const internalDate = 1_700_000_000;
    await here.append(id, [{ body, systemFlags: 0, keywords: [], internalDate }], ALICE);
    body.release();
  }
  await sync("alice");
  await flag(here, SystemFlag.answered);
  await flag(there, SystemFlag.draft);
  const [own, other] = [here.mailboxes.get("user.alice"), there.mailboxes.get("user.alice")];
  assert.deepEqual([own.syncCrc, own.highestModseq], [other.syncCrc, other.highestModseq]);
  assert.deepEqual(await differencesOf(pair), [
    "1 flags (\\Answered) here, (\\Draft) on the replica",
    "2 flags (\\Answered) here, (\\Draft) on the replica",
  ]);
  const modseq = own.highestModseq;
  await update(pair, {});
  assert.equal(here.mailboxes.get("user.alice").highestModseq, modseq);
  await update(pair, { full: true });
  assert.deepEqual(await differencesOf(pair), []);
  await sync("alice");
  // Nothing is left to do.
  const settled = here.mailboxes.get("user.alice").highestModseq;
  assert.ok(settled > modseq);
  await update(pair, { full: true });
  assert.equal(here.mailboxes.get("user.alice").highestModseq, settled);
});

async function update({ connect }: SyncPair, options: ConnectOptions): Promise<void> {
  const run = await connect(options);
  assert.deepEqual(await updateUser(run, "alice"), []);
  await run.replica.link.close();
}

async function differencesOf({ connect }: SyncPair): Promise<readonly string[]> {
  const found: string[] = [];
  const run = await connect();
  await checkUser(run, "alice", ({ uid, what }) => Promise.resolve(void found.push(`${uid} ${what}`)));
  await run.replica.link.close();
  return found;
}

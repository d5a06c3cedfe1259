import assert from "node:assert/strict";
import { test } from "node:test";
import { openSyncPair } from "../../../test/support/sync-pair.ts";
import { toUid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import { checkUser } from "./check-user.ts";

const ALICE = { userId: "alice", sessionId: 0 };

async function flag(store: Store, systemFlags: number): Promise<void> {
  const { id } = store.mailboxes.get("user.alice");
  const uids = [toUid(1), toUid(2)];
  await store.storeFlags(id, uids, { mode: "add", systemFlags, keywords: [] }, ALICE);
}

test("a difference that the checksums do not see is found: both messages changed alike", async (t) => {
  const { here, there, connect, sync } = await openSyncPair(t);
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
  const found: string[] = [];
  const run = await connect();
  await checkUser(run, "alice", ({ uid, what }) => Promise.resolve(void found.push(`${uid} ${what}`)));
  await run.replica.link.close();
  assert.deepEqual(found, [
    "1 flags (\\Answered) here, (\\Draft) on the replica",
    "2 flags (\\Answered) here, (\\Draft) on the replica",
  ]);
});

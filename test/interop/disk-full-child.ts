/**
 * Fills the small file system that holds its data folder to the last byte, several times, with a real store on it.
 *
 *   disk-full-child FOLDER
 *
 * Says "OK …" when every refusal was disk_full, nothing half done was left and it always went on with room.
 */
import assert from "node:assert/strict";
import { closeSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { toUid } from "../../src/base/numbers.ts";
import { StoreError } from "../../src/store/errors.ts";
import type { Mailbox } from "../../src/store/model.ts";
import { SystemFlag } from "../../src/store/model.ts";
import type { Store } from "../../src/store/port.ts";
import { openStore } from "../support/open-store.ts";
import { syncCrcs } from "../support/sync-crc.ts";
import { bodyOf, PREFIX } from "./store-messages.ts";

/** How much room is left when the filling starts: none, less than a WAL frame, some commits. */
const ROOM_BYTES = [0, 3000, 20_000, 400_000];
const MAX_DELIVERIES = 2000;
const ACTOR = { userId: "alice", sessionId: 1 };

const [folder = ""] = process.argv.slice(2);
const filler = join(folder, "..", "filler");
const acknowledged = new Map<number, number>();
let nextNumber = 1;

function fillAllBut(roomBytes: number): void {
  const file = openSync(filler, "w");
  const block = Buffer.alloc(4096);
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(folder);
      if (bavail * bsize <= roomBytes || writeSync(file, block) === 0) break;
    }
  } catch {
    // Full is what was wanted.
  } finally {
    closeSync(file);
  }
}

async function deliver(store: Store, mailbox: Mailbox): Promise<void> {
  const number = nextNumber;
  nextNumber += 1;
  const staged = store.stageBuffer(bodyOf(number));
  const target = { mailbox: mailbox.id, systemFlags: 0, keywords: [], prefix: PREFIX };
  const [result] = await store.deliver(staged, [target]);
  if (result?.status === "refused") throw result.error;
  assert.equal(result?.status, "delivered");
  if (result?.status === "delivered") acknowledged.set(result.uid, number);
}

function assertDiskFull(error: unknown): void {
  assert.ok(error instanceof StoreError && error.code === "disk_full", String(error));
  assert.equal(error.temporary, true);
}

async function fill(store: Store, mailbox: Mailbox): Promise<void> {
  for (let i = 0; i < MAX_DELIVERIES; i += 1) {
    const before = store.mailboxes.byId(mailbox.id);
    try {
      await deliver(store, mailbox);
    } catch (error) {
      assertDiskFull(error);
      assert.deepEqual(store.mailboxes.byId(mailbox.id), before, "a refused delivery changed the mailbox");
      return;
    }
  }
  assert.fail("the disk did not fill up");
}

async function verify(store: Store, mailbox: Mailbox): Promise<void> {
  const view = await store.open(mailbox.id);
  const records = Array.from({ length: view.count }, (_, index) => view.record(index));
  const current = view.mailbox;
  view.release();
  assert.deepEqual(
    records.map((record) => record.uid),
    [...acknowledged.keys()].toSorted((a, b) => a - b),
  );
  assert.equal(current.exists, records.length);
  assert.equal(current.syncCrc, syncCrcs(records).syncCrc);
  for (const record of records) {
    const expected = Buffer.concat([PREFIX, bodyOf(acknowledged.get(record.uid) ?? -1)]);
    assert.ok((await store.readBody(mailbox.id, record.uid)).equals(expected), `uid ${record.uid}`);
  }
}

let store = await openStore({ folder });
const mailbox = await store.create("user.alice", {});
await deliver(store, mailbox);
for (const roomBytes of ROOM_BYTES) {
  fillAllBut(roomBytes);
  await fill(store, mailbox);
  // Small changes may still fit; if not, they are refused the same way.
  const change = { mode: "add" as const, systemFlags: SystemFlag.flagged, keywords: [] };
  const uids = [...acknowledged.keys()].map(toUid);
  await store.storeFlags(mailbox.id, uids, change, ACTOR).catch(assertDiskFull);
  await verify(store, mailbox);
  rmSync(filler);
  await deliver(store, mailbox);
  await verify(store, mailbox);
}
await store.close();
store = await openStore({ folder });
await verify(store, store.mailboxes.get("user.alice"));
await store.close();
writeSync(1, `OK ${acknowledged.size}\n`);

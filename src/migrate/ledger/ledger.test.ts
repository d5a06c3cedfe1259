import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SqliteDatabase } from "../../base/io/sql/sqlite.ts";
import { type FolderCursor, NO_COUNTS } from "./cursor.ts";
import { LeaseLostError } from "./folder-ledger.ts";
import { Ledger } from "./ledger.ts";
import { decodeChunk, encodeChunk, type LedgerRecord } from "./record.ts";

const USER = { source: "old", sourceUid: "alice" };
const CURSOR: FolderCursor = {
  target: ["INBOX"],
  uidValidity: 7,
  uidNext: 1,
  highestModseq: 0,
  messages: 0,
  unseen: 0,
  complete: false,
  keepsUids: true,
  targetUidValidity: 7,
  targetUidNext: 1,
  mailboxId: "",
  attributes: "",
  counts: NO_COUNTS,
};

function record(uid: number, part: Partial<LedgerRecord> = {}): LedgerRecord {
  return {
    uid,
    targetUid: uid,
    sizeBytes: 100,
    outcome: "saved",
    internalDate: 1_700_000_000,
    flagsHash: 5,
    guid: "ab".repeat(20),
    ...part,
  };
}

const anyRecord = fc.record(
  {
    uid: fc.integer({ min: 1, max: 0xffff_ffff }),
    targetUid: fc.integer({ min: 0, max: 0xffff_ffff }),
    sizeBytes: fc.integer({ min: 0, max: 2 ** 47 }),
    outcome: fc.constantFrom("saved", "already", "skipped", "missing", "deleted"),
    internalDate: fc.integer({ min: 0, max: 0xffff_ffff }),
    flagsHash: fc.integer({ min: 0, max: 0xffff_ffff }),
    guid: fc.oneof(fc.constant(""), fc.stringMatching(/^[1-9a-f]{40}$/)),
  },
  { noNullPrototype: true },
) as fc.Arbitrary<LedgerRecord>;

test("ledger: a chunk reads back what was written", () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 40 }), (records) => {
      assert.deepEqual(decodeChunk(encodeChunk(records)), records);
    }),
  );
});

test("ledger: records in any order, over many chunks, are found again with their counts", async () => {
  const database = await SqliteDatabase.open(":memory:");
  const ledger = await Ledger.open(database);
  const [folder] = await ledger.addFolders(USER, [{ sourceFolder: "INBOX", cursor: CURSOR }]);
  assert.ok(folder !== undefined);
  const uids = Array.from({ length: 3000 }, (_, index) => ((index * 7919) % 3001) + 1);
  for (const [index, uid] of uids.entries()) {
    await folder.put(record(uid));
    if (index % 701 === 0) await folder.flush();
  }
  await folder.put(record(17, { outcome: "skipped", targetUid: 0 }), "too big");
  await folder.put(record(18, { outcome: "missing", targetUid: 0 }), "not given out");
  await folder.put(record(18), undefined);
  folder.change({ uidNext: 3002 });
  await folder.flush();

  const again = (await ledger.folders(USER)).get("INBOX");
  assert.ok(again !== undefined);
  assert.equal(again.cursor.uidNext, 3002);
  const seen: number[] = [];
  for await (const { uid } of again.all()) seen.push(uid);
  assert.deepEqual(
    seen,
    [...new Set(uids)].sort((a, b) => a - b),
  );
  assert.equal((await again.find(17))?.outcome, "skipped");
  assert.equal((await again.find(2999))?.outcome, "saved");
  assert.equal(await again.find(5000), undefined);
  assert.deepEqual(Object.fromEntries(await again.reasons()), { 17: "too big" });
  assert.equal(again.cursor.counts.skipped, 1);
  assert.equal(again.cursor.counts.missing, 0);
  assert.equal(again.cursor.counts.saved, seen.length - 1);

  await again.clear();
  await again.put(record(4));
  await again.flush();
  const cleared = (await ledger.folders(USER)).get("INBOX");
  assert.equal((await cleared?.find(4))?.uid, 4);
  assert.equal(await cleared?.find(5), undefined);
  assert.equal(cleared?.cursor.counts.saved, 1);
  assert.equal((await cleared?.reasons())?.size, 0);
  await database.close();
});

test("ledger: records of a folder that rests are read again, those that are not written stay", async () => {
  const database = await SqliteDatabase.open(":memory:");
  const ledger = await Ledger.open(database);
  const [folder] = await ledger.addFolders(USER, [{ sourceFolder: "INBOX", cursor: CURSOR }]);
  assert.ok(folder !== undefined);
  await folder.put(record(1));
  folder.rest();
  assert.equal((await folder.find(1))?.uid, 1);
  await folder.flush();
  folder.rest();
  assert.equal((await folder.find(1))?.uid, 1);
  await folder.put(record(2));
  await folder.flush();
  folder.rest();
  await database.query("DELETE FROM migrate_chunks");
  await assert.rejects(folder.find(1), /a chunk of the ledger is gone/);
  await database.close();
});

test("ledger: nothing is written once the fence has moved on", async () => {
  const database = await SqliteDatabase.open(":memory:");
  const ledger = await Ledger.open(database);
  await database.batch([
    { sql: "CREATE TABLE job (fence bigint)", values: [] },
    { sql: "INSERT INTO job VALUES (1)", values: [] },
  ]);
  const fence = { sql: "UPDATE job SET fence = 1 WHERE fence = $1", values: [1], expectedChanges: 1 };
  const inbox = { sourceFolder: "INBOX", cursor: CURSOR };
  const [folder] = await ledger.addFolders(USER, [inbox], fence);
  assert.ok(folder !== undefined);
  await folder.put(record(1));
  await folder.flush();
  await database.batch([{ sql: "UPDATE job SET fence = 2", values: [] }]);
  await folder.put(record(2));
  await assert.rejects(folder.flush(), LeaseLostError);
  await assert.rejects(ledger.addFolders(USER, [{ ...inbox, sourceFolder: "Sent" }], fence), LeaseLostError);
  const stored = (await ledger.folders(USER)).get("INBOX");
  assert.equal(await stored?.find(2), undefined);
  assert.equal((await ledger.folders(USER)).size, 1);
  await database.close();
});

test("ledger: a verification with losses stands against the cutover", async () => {
  const database = await SqliteDatabase.open(":memory:");
  const ledger = await Ledger.open(database);
  assert.equal(await ledger.whyNotCutOver(USER), undefined);
  await ledger.saveVerification(USER, { atMs: 1_700_000_000_000, losses: 3, json: "{}" });
  assert.match((await ledger.whyNotCutOver(USER)) ?? "", /3 losses/);
  await ledger.saveVerification(USER, { atMs: 1_700_000_000_001, losses: 0, json: "{}" });
  assert.equal(await ledger.whyNotCutOver(USER), undefined);
  await database.close();
});

// The migration's ledger and pace over both databases.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import type { SqlDatabase } from "../../src/base/io/sql/port.ts";
import { PostgresDatabase } from "../../src/base/io/sql/postgres.ts";
import { SqliteDatabase } from "../../src/base/io/sql/sqlite.ts";
import { silentLog } from "../../src/base/log.ts";
import { NO_COUNTS } from "../../src/migrate/ledger/cursor.ts";
import { LeaseLostError } from "../../src/migrate/ledger/folder-ledger.ts";
import { Ledger } from "../../src/migrate/ledger/ledger.ts";
import { HostRow } from "../../src/migrate/pace/host-row.ts";
import { Paces } from "../../src/migrate/pace/pace.ts";
import { Postgres, postgresMissing } from "../support/postgres.ts";

const USER = { source: "old", sourceUid: "alice" };
const CURSOR = {
  target: ["INBOX"],
  uidValidity: 7,
  uidNext: 1,
  highestModseq: 2 ** 52,
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

function contract(open: (t: TestContext) => Promise<SqlDatabase>): void {
  test("records, remarks and cursors come back; a lost lease writes nothing", async (t) => {
    const database = await open(t);
    const ledger = await Ledger.open(database);
    await database.batch([
      { sql: "CREATE TABLE job (fence bigint)", values: [] },
      { sql: "INSERT INTO job (fence) VALUES (1)", values: [] },
    ]);
    const fence = { sql: "UPDATE job SET fence = fence WHERE fence = $1", values: [1], expectedChanges: 1 };
    const [folder] = await ledger.addFolders(USER, [{ sourceFolder: "INBOX", cursor: CURSOR }], fence);
    assert.ok(folder !== undefined);
    const record = {
      targetUid: 1,
      sizeBytes: 2 ** 40,
      internalDate: 1,
      flagsHash: 2 ** 32 - 1,
      guid: "cd".repeat(20),
    };
    for (let uid = 1; uid <= 1200; uid++) await folder.put({ ...record, uid, outcome: "saved" });
    await folder.put({ ...record, uid: 5, outcome: "skipped" }, "too big");
    await folder.flush();
    const renamed = await ledger.renameFolder(folder, "Other", fence);
    const again = (await ledger.folders(USER, fence)).get("Other");
    assert.equal((await again?.find(1200))?.sizeBytes, 2 ** 40);
    assert.equal(again?.cursor.highestModseq, 2 ** 52);
    assert.deepEqual([...((await again?.reasons()) ?? [])], [[5, "too big"]]);
    await ledger.saveVerification(USER, { atMs: 1_700_000_000_000, losses: 2, json: "{}" }, fence);
    assert.match((await ledger.whyNotCutOver(USER)) ?? "", /2 losses/);
    await database.batch([{ sql: "UPDATE job SET fence = 2", values: [] }]);
    await renamed.put({ ...record, uid: 1201, outcome: "saved" });
    await assert.rejects(renamed.flush(), LeaseLostError);
    assert.equal(await (await ledger.folders(USER)).get("Other")?.find(1201), undefined);
    await ledger.removeFolder(renamed);
    assert.equal((await ledger.folders(USER)).size, 0);
  });

  test("a host's time is given out once, what it teaches is shared", async (t) => {
    const database = await open(t);
    let nowMs = 1_800_000_000_000;
    await Paces.open({ database, clock: systemClock, nowMs: () => nowMs, log: silentLog });
    const key = { source: "old", host: "imap.example" };
    const [one, other] = [new HostRow(database, key, () => nowMs), new HostRow(database, key, () => nowMs)];
    const starts = await Promise.all([
      one.reserve("message", 100),
      other.reserve("message", 100),
      one.reserve("message", 100),
    ]);
    assert.deepEqual(
      starts.map((at) => at - nowMs).sort((a, b) => a - b),
      [0, 100, 200],
    );
    nowMs += 20_000;
    await one.tell(1000, 50_000);
    nowMs += 20_000;
    const measured = await other.tell(1000, 50_000);
    assert.ok(measured.rateMessages >= 50 && measured.rateMessages <= 100, String(measured.rateMessages));
    const slowed = await one.backOff("[THROTTLED]");
    assert.equal((await other.backOff("[THROTTLED]")).backoffs, 1);
    assert.equal(slowed.learnedMessages, measured.rateMessages / 2);
    assert.equal(slowed.pauseUntilMs, nowMs + 5000);
    nowMs += 61_000;
    assert.equal((await other.tell(0, 0)).learnedMessages, slowed.learnedMessages * 1.25);
  });
}

describe("migration ledger and pace: SQLite", () => {
  contract(async (t) => {
    const database = await SqliteDatabase.open(":memory:");
    t.after(() => database.close());
    return database;
  });
});

const missing = postgresMissing();
describe("migration ledger and pace: PostgreSQL", { skip: missing ?? false }, () => {
  contract(async (t) => {
    const server = await Postgres.start();
    const ports = { maxConnections: 4, clock: systemClock, random: systemRandom };
    const database = await PostgresDatabase.open({ url: await server.createDatabase(), ...ports });
    t.after(async () => {
      await database.close();
      await server.stop();
    });
    return database;
  });
});

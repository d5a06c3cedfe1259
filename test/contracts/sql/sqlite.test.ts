import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { SqlError } from "../../../src/base/io/sql/port.ts";
import { SqliteDatabase } from "../../../src/base/io/sql/sqlite.ts";
import { sqlContract } from "./contract.ts";

describe("SqlDatabase contract: SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-sql-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  const newPath = (): string => join(folder, `${++files}.sqlite`);

  sqlContract(() => {
    const path = newPath();
    return Promise.resolve({ open: () => SqliteDatabase.open(path) });
  });

  test("changes wait while a transaction decides, reads do not", async () => {
    const database = await SqliteDatabase.open(newPath());
    await database.query("CREATE TABLE item (id bigint)");
    const order: string[] = [];
    let later: Promise<unknown> | undefined;
    await database.transaction(async (transaction) => {
      await transaction.query("INSERT INTO item (id) VALUES (1)");
      later = database.query("INSERT INTO item (id) VALUES (2)").then(() => order.push("change"));
      assert.deepEqual(await database.query("SELECT id FROM item"), []);
      order.push("read");
      await transaction.query("SELECT 1");
    });
    await later;
    assert.deepEqual(order, ["read", "change"]);
    await database.close();
  });

  test("of changes that share a commit the one that fills the database fails, and only that one", async () => {
    const database = await SqliteDatabase.open(newPath());
    await database.query("CREATE TABLE item (id bigint, body bytea)");
    await database.batch([{ sql: "PRAGMA max_page_count = 20", values: [] }]);
    const add = (id: number, size: number): Promise<unknown> =>
      database.query("INSERT INTO item (id, body) VALUES ($1, $2)", [id, Buffer.alloc(size)]);
    const all = await Promise.allSettled([add(1, 10), add(2, 1_000_000), add(3, 10), add(4, 10)]);
    const said = all.map((one) => (one.status === "fulfilled" ? "done" : (one.reason as SqlError).code));
    assert.deepEqual(said, ["done", "disk_full", "done", "done"]);
    const there = await database.query("SELECT id FROM item ORDER BY id");
    assert.deepEqual(there, [{ id: 1 }, { id: 3 }, { id: 4 }]);
    await database.close();
  });

  test("a transaction that a full database has undone commits nothing more", async () => {
    const database = await SqliteDatabase.open(newPath());
    await database.query("CREATE TABLE item (id bigint, body bytea)");
    await database.batch([{ sql: "PRAGMA max_page_count = 20", values: [] }]);
    const insert = "INSERT INTO item (id, body) VALUES ($1, $2)";
    const deciding = database.transaction(async (transaction) => {
      const filling = transaction.query(insert, [1, Buffer.alloc(1_000_000)]);
      await assert.rejects(filling, (error) => error instanceof SqlError && error.code === "disk_full");
      await transaction.query(insert, [2, Buffer.alloc(10)]).catch(() => undefined);
    });
    await assert.rejects(deciding, /has undone the transaction/);
    assert.deepEqual(await database.query("SELECT id FROM item"), []);
    await database.query(insert, [3, Buffer.alloc(10)]);
    await database.close();
  });

  test("a file that cannot be opened is refused", async () => {
    const opening = SqliteDatabase.open(join(folder, "no folder", "a.sqlite"));
    await assert.rejects(opening, (error) => error instanceof SqlError && error.code === "refused");
  });
});

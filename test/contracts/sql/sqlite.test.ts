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

  test("a file that cannot be opened is refused", async () => {
    const opening = SqliteDatabase.open(join(folder, "no folder", "a.sqlite"));
    await assert.rejects(opening, (error) => error instanceof SqlError && error.code === "refused");
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import { readSummaryRows } from "./summary-rows.ts";

test("readSummaryRows: any bytes come back whole, of a few rows and of many", () => {
  const database = new Database(":memory:");
  database.exec("CREATE TABLE summaries (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  const insert = database.prepare("INSERT INTO summaries VALUES (?, ?)");
  const index = { sql: (text: string) => database.prepare(text) };
  const base = 7 * 2 ** 32;
  const row = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.uint8Array({ maxLength: 20 }));
  fc.assert(
    fc.property(
      fc.uniqueArray(row, { selector: ([uid]) => uid }),
      fc.nat(40),
      fc.nat(40),
      (rows, from, to) => {
        database.exec("DELETE FROM summaries");
        for (const [uid, bytes] of rows) insert.run(base + uid, Buffer.from(bytes));
        const expected = rows
          .filter(([uid]) => uid >= from && uid <= to)
          .sort(([a], [b]) => a - b)
          .map(([uid, bytes]) => [base + uid, Buffer.from(bytes)]);
        const { keys, bytes } = readSummaryRows(index, base + from, base + to);
        assert.deepEqual(
          keys.map((key, i) => [key, bytes[i]]),
          expected,
        );
      },
    ),
  );
  database.close();
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe } from "node:test";
import { SqliteDatabase } from "../../../src/base/io/sql/sqlite.ts";
import { migrationContract } from "./contract.ts";

describe("migration database: SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-migration-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  migrationContract(() => {
    const path = join(folder, `${++files}.sqlite`);
    return Promise.resolve(() => SqliteDatabase.open(path));
  });
});

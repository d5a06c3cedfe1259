import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe } from "node:test";
import { SqliteDatabase } from "../../../src/base/io/sql/sqlite.ts";
import { statesContract } from "./contract.ts";
import { placeOver } from "./place.ts";

describe("DeviceStates contract: SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-eas-state-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  statesContract(() => {
    const path = join(folder, `${++files}.sqlite`);
    return placeOver(() => SqliteDatabase.open(path));
  });
});

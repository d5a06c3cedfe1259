import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { SqliteDatabase } from "../../../src/base/io/sql/sqlite.ts";
import { SimClock } from "../../sim/sim-clock.ts";
import { migrationContract } from "./contract.ts";
import { openDoor } from "./doors.ts";
import { runWorkerTrial } from "./worker-trial.ts";

describe("migration database: SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-migration-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  migrationContract(() => {
    const path = join(folder, `${++files}.sqlite`);
    return Promise.resolve(() => SqliteDatabase.open(path));
  });

  for (const seed of [1, 2, 3]) {
    test(`workers that die and come back, seed ${seed}`, async () => {
      const clock = new SimClock();
      const path = join(folder, `trial${seed}.sqlite`);
      const doors = [
        await openDoor(await SqliteDatabase.open(path), clock),
        await openDoor(await SqliteDatabase.open(path), clock),
      ];
      await runWorkerTrial({ doors, clock, seed, users: 40, steps: 150 });
      for (const door of doors) await door.close();
    });
  }
});

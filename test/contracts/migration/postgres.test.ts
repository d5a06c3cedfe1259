import { after, before, describe, test } from "node:test";
import { systemClock } from "../../../src/base/io/clock.ts";
import { systemRandom } from "../../../src/base/io/random.ts";
import { PostgresDatabase } from "../../../src/base/io/sql/postgres.ts";
import { Postgres, postgresMissing } from "../../support/postgres.ts";
import { SimClock } from "../../sim/sim-clock.ts";
import { migrationContract } from "./contract.ts";
import { openDoor } from "./doors.ts";
import { runWorkerTrial } from "./worker-trial.ts";

const missing = postgresMissing();

function openSql(url: string): Promise<PostgresDatabase> {
  return PostgresDatabase.open({ url, maxConnections: 4, clock: systemClock, random: systemRandom });
}

describe("migration database: PostgreSQL", { skip: missing ?? false }, () => {
  let server: Postgres;
  before(async () => {
    server = await Postgres.start();
  });
  after(() => server.stop());
  migrationContract(async () => {
    const url = await server.createDatabase();
    return () => openSql(url);
  });

  for (const seed of [4, 5]) {
    test(`workers that die and come back, connections that are cut, seed ${seed}`, async () => {
      const clock = new SimClock();
      const url = await server.createDatabase();
      const doors = [await openDoor(await openSql(url), clock), await openDoor(await openSql(url), clock)];
      const disconnect = () => server.disconnectAll(url);
      await runWorkerTrial({ doors, clock, seed, users: 40, steps: 150, disconnect });
      for (const door of doors) await door.close();
    });
  }
});

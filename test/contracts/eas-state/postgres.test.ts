import { after, before, describe } from "node:test";
import { systemClock } from "../../../src/base/io/clock.ts";
import { systemRandom } from "../../../src/base/io/random.ts";
import { PostgresDatabase } from "../../../src/base/io/sql/postgres.ts";
import { Postgres, postgresMissing } from "../../support/postgres.ts";
import { statesContract } from "./contract.ts";
import { placeOver } from "./place.ts";

const missing = postgresMissing();

describe("DeviceStates contract: PostgreSQL", { skip: missing ?? false }, () => {
  let server: Postgres;
  before(async () => {
    server = await Postgres.start();
  });
  after(() => server.stop());
  statesContract(async () => {
    const url = await server.createDatabase();
    return placeOver(() =>
      PostgresDatabase.open({ url, maxConnections: 4, clock: systemClock, random: systemRandom }),
    );
  });
});

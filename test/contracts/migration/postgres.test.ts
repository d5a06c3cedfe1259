import { after, before, describe } from "node:test";
import { systemClock } from "../../../src/base/io/clock.ts";
import { systemRandom } from "../../../src/base/io/random.ts";
import { PostgresDatabase } from "../../../src/base/io/sql/postgres.ts";
import { Postgres, postgresMissing } from "../../support/postgres.ts";
import { migrationContract } from "./contract.ts";

const missing = postgresMissing();

describe("migration database: PostgreSQL", { skip: missing ?? false }, () => {
  let server: Postgres;
  before(async () => {
    server = await Postgres.start();
  });
  after(() => server.stop());
  migrationContract(async () => {
    const url = await server.createDatabase();
    return () => PostgresDatabase.open({ url, maxConnections: 4, clock: systemClock, random: systemRandom });
  });
});

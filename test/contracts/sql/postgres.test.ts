import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../../src/base/io/clock.ts";
import { systemRandom } from "../../../src/base/io/random.ts";
import { SqlError } from "../../../src/base/io/sql/port.ts";
import { PostgresDatabase } from "../../../src/base/io/sql/postgres.ts";
import { Postgres, postgresMissing } from "../../support/postgres.ts";
import { sqlContract } from "./contract.ts";

const missing = postgresMissing();

describe("SqlDatabase contract: PostgreSQL", { skip: missing ?? false }, () => {
  let server: Postgres;
  before(async () => {
    server = await Postgres.start();
  });
  after(() => server.stop());
  const open = (url: string): Promise<PostgresDatabase> =>
    PostgresDatabase.open({ url, maxConnections: 4, clock: systemClock, random: systemRandom });

  sqlContract(async () => {
    const url = await server.createDatabase();
    return { open: () => open(url) };
  });

  test("sessions that were cut are made again", async () => {
    const url = await server.createDatabase();
    const database = await open(url);
    await Promise.all([1, 2, 3].map(() => database.query("SELECT pg_sleep(0.01)")));
    await server.disconnectAll(url);
    // A batch begins again on another session when its own has gone; a single statement may have run.
    assert.deepEqual(
      await database.batch([
        { sql: "CREATE TABLE item (id bigint)", values: [] },
        { sql: "INSERT INTO item (id) VALUES (1)", values: [], expectedChanges: 1 },
      ]),
      [0, 1],
    );
    for (let session = 0; session < 3; session++) {
      await database.query("SELECT 1").catch((error: unknown) => {
        assert.ok(error instanceof SqlError && error.code === "unavailable");
      });
    }
    assert.deepEqual(await database.query("SELECT 1 AS one"), [{ one: 1 }]);
    await database.close();
  });

  test("a server that is away is unavailable, and used again when it is back", async () => {
    const url = await server.createDatabase();
    const database = await open(url);
    await server.kill();
    await assert.rejects(
      database.query("SELECT 1"),
      (error) => error instanceof SqlError && error.code === "unavailable",
    );
    await server.run();
    assert.deepEqual(await database.query("SELECT 1 AS one"), [{ one: 1 }]);
    await database.close();
  });

  test("a process that waits to run a transaction again does not end meanwhile", async () => {
    const url = await server.createDatabase();
    const program = fileURLToPath(new URL("../../support/conflicting-request.ts", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, url]);
    assert.equal(stdout, "done at run 4");
  });

  test("a description holds no password", async () => {
    const url = await server.createDatabase();
    const database = await open(url.replace("rookery@", "rookery:hidden@"));
    assert.doesNotMatch(database.description, /hidden/);
    assert.match(database.description, /^postgres:\/\/127\.0\.0\.1:\d+\/test\d+$/);
    await database.close();
  });
});

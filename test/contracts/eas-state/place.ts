/** An empty database with the tables of the gateway, for the contract. */
import type { SqlDatabase } from "../../../src/base/io/sql/port.ts";
import { updateSchema } from "../../../src/base/io/sql/schema.ts";
import { Logs } from "../../../src/base/log.ts";
import { SCHEMA_NAME, schemaVersions } from "../../../src/eas/state/schema.ts";
import { SqlStates } from "../../../src/eas/state/sql-states.ts";
import { SimClock } from "../../sim/sim-clock.ts";
import type { StatesPlace } from "./contract.ts";

const EXPIRY_MS = 30 * 86_400_000;

export async function placeOver(openDatabase: () => Promise<SqlDatabase>): Promise<StatesPlace> {
  const clock = new SimClock();
  const log = new Logs({ level: "silent", format: "json", destination: () => {} }).named("eas");
  const first = await openDatabase();
  await updateSchema(first, SCHEMA_NAME, schemaVersions);
  await first.close();
  return {
    clock,
    expiryMs: EXPIRY_MS,
    open: async () => new SqlStates({ database: await openDatabase(), clock, log, expiryMs: EXPIRY_MS }),
  };
}

/** The migration's database with all that schedulers, workers and the command line do in it. */
import type { Clock } from "../../base/io/clock.ts";
import type { Random } from "../../base/io/random.ts";
import type { SqlDatabase } from "../../base/io/sql/port.ts";
import { updateSchema } from "../../base/io/sql/schema.ts";
import type { Log } from "../../base/log.ts";
import { LEDGER_NAME, LEDGER_SCHEMA } from "../ledger/schema.ts";
import { PACE_NAME, PACE_SCHEMA } from "../pace/schema.ts";
import type { StorageKeys } from "../secrets.ts";
import { Backends } from "./backends.ts";
import { Journal } from "./journal.ts";
import { SCHEMA_NAME, schemaVersions } from "./schema.ts";
import { SharedClock } from "./shared-clock.ts";
import { Sources } from "./sources.ts";
import { SqlJobQueue } from "./sql-job-queue.ts";
import { Users } from "./users.ts";
import { Waves } from "../plan/waves.ts";
import { WorkSignal } from "./work-signal.ts";

export interface MigrationDatabase {
  readonly sql: SqlDatabase;
  readonly clock: SharedClock;
  readonly sources: Sources;
  readonly backends: Backends;
  readonly users: Users;
  readonly journal: Journal;
  readonly waves: Waves;
  /** A new one for each worker. */
  jobQueue(): SqlJobQueue;
  close(): Promise<void>;
}

export interface OpenMigrationOptions {
  /** Closed with the result, also when this fails. */
  readonly sql: SqlDatabase;
  readonly keys: StorageKeys;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Makes or changes the tables when they are missing or old. @throws SqlError */
export async function openMigrationDatabase(options: OpenMigrationOptions): Promise<MigrationDatabase> {
  const { sql, keys, random, log } = options;
  const clock = new SharedClock(sql, options.clock);
  try {
    const before = await updateSchema(sql, SCHEMA_NAME, schemaVersions);
    if (before < schemaVersions.length) {
      log.info("tables of the migration made", {
        database: sql.description,
        before,
        now: schemaVersions.length,
      });
    }
    // A cutover may be submitted with its losses accepted before any worker was there.
    await updateSchema(sql, LEDGER_NAME, LEDGER_SCHEMA);
    // And hosts are looked at.
    await updateSchema(sql, PACE_NAME, PACE_SCHEMA);
    await clock.synchronize();
  } catch (error) {
    await sql.close();
    throw error;
  }
  const work = new WorkSignal();
  const waves = new Waves(sql, clock, work);
  return {
    sql,
    clock,
    sources: new Sources(sql, clock),
    backends: new Backends(sql, clock),
    users: new Users({ database: sql, clock, keys, work }),
    journal: new Journal(sql, clock, work),
    waves,
    jobQueue: () => new SqlJobQueue({ database: sql, clock, random, keys, work, waves, log }),
    close: () => sql.close(),
  };
}

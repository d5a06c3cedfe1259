/**
 * What devices know, opened when it is first asked for: a command line that lists queues needs none of it. In the data
 * folder the tables are installed and updated by themselves; in a database that is shared an operator does it
 * (`rookery schema`), since the other gateways must fit too.
 */
import { join } from "node:path";
import { systemClock } from "../base/io/clock.ts";
import { systemRandom } from "../base/io/random.ts";
import type { SqlDatabase } from "../base/io/sql/port.ts";
import { PostgresDatabase } from "../base/io/sql/postgres.ts";
import { updateSchema } from "../base/io/sql/schema.ts";
import { SqliteDatabase } from "../base/io/sql/sqlite.ts";
import type { Log } from "../base/log.ts";
import type { EasSettings } from "../eas/options.ts";
import type { DeviceStates } from "../eas/state/port.ts";
import { SCHEMA_NAME, schemaVersions } from "../eas/state/schema.ts";
import { type SchemaReport, schemaReport } from "../eas/state/schema-state.ts";
import { SqlStates } from "../eas/state/sql-states.ts";

export interface OpenState {
  readonly states: DeviceStates;
  readonly schema: SchemaReport;
}

export class GatewayState {
  readonly #settings: EasSettings;
  readonly #dataFolder: string;
  readonly #log: Log;
  #opening: Promise<OpenState> | undefined;

  constructor(settings: EasSettings, dataFolder: string, log: Log) {
    this.#settings = settings;
    this.#dataFolder = dataFolder;
    this.#log = log;
  }

  /** Once; tried again after a failure. @throws SqlError */
  async open(): Promise<OpenState> {
    this.#opening ??= this.#open();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    const state = await this.#opening?.catch(() => undefined);
    this.#opening = undefined;
    await state?.states.close();
  }

  async #open(): Promise<OpenState> {
    const database = await openStateDatabase(this.#settings, this.#dataFolder, this.#log);
    try {
      if (database.dialect === "sqlite") await updateSchema(database, SCHEMA_NAME, schemaVersions);
      const states = new SqlStates({
        database,
        clock: systemClock,
        log: this.#log,
        expiryMs: this.#settings.stateExpiryMs,
      });
      return { states, schema: await schemaReport(database) };
    } catch (error) {
      await database.close();
      throw error;
    }
  }
}

/** @throws SqlError */
export function openStateDatabase(settings: EasSettings, dataFolder: string, log: Log): Promise<SqlDatabase> {
  const { database: url, databaseConnections: maxConnections } = settings;
  if (url === undefined) return SqliteDatabase.open(join(dataFolder, "activesync.sqlite"));
  return PostgresDatabase.open({
    url: url.reveal(),
    maxConnections,
    clock: systemClock,
    random: systemRandom,
    onLost: (error) => log.warn("connection to the database was lost", { err: error }),
  });
}

/**
 * What devices know, opened when it is first asked for: a command line that lists queues needs none of it. In the data
 * folder the tables are installed and updated by themselves; in a database that is shared an operator does it
 * (`rookery schema`), since the other gateways must fit too. A database that is away is asked for again.
 */
import { join } from "node:path";
import { systemClock } from "../base/io/clock.ts";
import { systemRandom } from "../base/io/random.ts";
import { type SqlDatabase, SqlError } from "../base/io/sql/port.ts";
import { PostgresDatabase } from "../base/io/sql/postgres.ts";
import { updateSchema } from "../base/io/sql/schema.ts";
import { SqliteDatabase } from "../base/io/sql/sqlite.ts";
import type { Log } from "../base/log.ts";
import type { EasSettings } from "../eas/options.ts";
import { LazyStates } from "../eas/state/lazy-states.ts";
import type { DeviceStates } from "../eas/state/port.ts";
import { SCHEMA_NAME, schemaVersions } from "../eas/state/schema.ts";
import { isServable, schemaReport, startLine } from "../eas/state/schema-state.ts";
import { SqlStates } from "../eas/state/sql-states.ts";

/** A database that could not be had is left alone for so long. */
const RETRY_MS = 5_000;

export interface StateLogs {
  readonly eas: Log;
  /** The logger CONTAINER, S2.32–S2.34. */
  readonly container: Log;
}

export class GatewayState {
  readonly states: DeviceStates;
  readonly #settings: EasSettings;
  readonly #dataFolder: string;
  readonly #logs: StateLogs;
  #opening: Promise<DeviceStates> | undefined;
  /** When the last try failed. */
  #failedMs: number | undefined;
  /** The last line about the schema, so that it is written once. */
  #said: string | undefined;

  constructor(settings: EasSettings, dataFolder: string, logs: StateLogs) {
    this.#settings = settings;
    this.#dataFolder = dataFolder;
    this.#logs = logs;
    this.states = new LazyStates(() => this.#get());
  }

  /** Rejects while devices cannot be served. @throws SqlError */
  async ready(): Promise<void> {
    await this.#get();
  }

  async close(): Promise<void> {
    const states = await this.#opening?.catch(() => undefined);
    this.#opening = undefined;
    await states?.close();
  }

  #get(): Promise<DeviceStates> {
    const nowMs = systemClock.monotonicMs();
    const isOver = this.#failedMs !== undefined && nowMs - this.#failedMs >= RETRY_MS;
    if (this.#opening !== undefined && !isOver) return this.#opening;
    this.#failedMs = undefined;
    const opening = this.#open();
    this.#opening = opening;
    opening.catch((error: unknown) => {
      this.#failedMs = systemClock.monotonicMs();
      const message = error instanceof Error ? error.message : String(error);
      if (this.#said !== message) this.#logs.eas.error("what devices know cannot be had", { err: error });
      this.#said = message;
    });
    return opening;
  }

  async #open(): Promise<DeviceStates> {
    const database = await openStateDatabase(this.#settings, this.#dataFolder, this.#logs.eas);
    try {
      if (database.dialect === "sqlite") await updateSchema(database, SCHEMA_NAME, schemaVersions);
      const schema = await schemaReport(database);
      const line = startLine(schema);
      if (line !== undefined && line.event !== this.#said) this.#logs.container[line.level](line.event);
      this.#said = line?.event;
      if (!isServable(schema)) throw new SqlError("unavailable", line?.event ?? schema.state);
    } catch (error) {
      await database.close();
      throw error;
    }
    const { stateExpiryMs: expiryMs } = this.#settings;
    return new SqlStates({ database, clock: systemClock, log: this.#logs.eas, expiryMs });
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

/** Sources with their customer's key, and their hosts (S4.20–S4.25). Of a key only its hash is kept. */
import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import type { SqlDatabase, SqlRow } from "../../base/io/sql/port.ts";
import { SqlError } from "../../base/io/sql/port.ts";
import { MigrateError } from "../errors.ts";
import type { Source, SourceHost, SourceRules } from "../model.ts";
import { listOf, numberOf, optionalText, textOf } from "./row.ts";
import type { SharedClock } from "./shared-clock.ts";
import { checkPatterns } from "./target-uid-patterns.ts";

/** S4.20 */
const SOURCE_NAME = /^[a-zA-Z0-9_]{1,64}$/;
const MAX_HOST_NAME = 253;
const MIN_KEY_LENGTH = 8;
const MAX_KEY_LENGTH = 256;

const HOST_COLUMNS =
  "source, name, max_connections, migration_command_1, migration_command_2, status_command, max_messages_per_second, max_bytes_per_second";

export interface SourceChange {
  readonly apiKey?: string | undefined;
  readonly rules?: SourceRules | undefined;
}

export class Sources {
  readonly #database: SqlDatabase;
  readonly #clock: SharedClock;

  constructor(database: SqlDatabase, clock: SharedClock) {
    this.#database = database;
    this.#clock = clock;
  }

  /** Without their keys, of which only a hash is kept. */
  async list(): Promise<readonly Omit<Source, "apiKey">[]> {
    const rows = await this.#database.query("SELECT name, target_uids FROM migrate_sources ORDER BY name");
    return rows.map(toSource);
  }

  /** @throws MigrateError not_found */
  async get(name: string): Promise<Omit<Source, "apiKey">> {
    const [row] = await this.#database.query(
      "SELECT name, target_uids FROM migrate_sources WHERE name = $1",
      [name],
    );
    if (row === undefined) throw noSource(name);
    return toSource(row);
  }

  async has(name: string): Promise<boolean> {
    return (
      (await this.#database.query("SELECT 1 AS one FROM migrate_sources WHERE name = $1", [name])).length > 0
    );
  }

  /** The source that a customer's key belongs to. */
  async findByKey(apiKey: string): Promise<string | undefined> {
    const [row] = await this.#database.query("SELECT name FROM migrate_sources WHERE api_key_hash = $1", [
      hashOf(apiKey),
    ]);
    return row === undefined ? undefined : textOf(row, "name");
  }

  /** @throws MigrateError invalid | conflict */
  async add({ name, apiKey, targetUids }: Source): Promise<void> {
    if (!SOURCE_NAME.test(name))
      throw new MigrateError("invalid", `source name "${name}" does not match [a-zA-Z0-9_]+`);
    checkKey(apiKey);
    checkPatterns(targetUids ?? []);
    const added = await conflictAs("the name or key of the source is taken", () =>
      this.#database.batch([
        {
          sql: "INSERT INTO migrate_sources (name, api_key_hash, created, target_uids) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING",
          values: [name, hashOf(apiKey), this.#clock.nowMs(), patternsText(targetUids)],
          expectedChanges: 1,
        },
      ]),
    );
    if (added === undefined) throw new MigrateError("conflict", `source "${name}" exists`);
  }

  /**
   * What is not given stays. Rules hold for target uids that users get from now on.
   * @throws MigrateError invalid | not_found | conflict
   */
  async set(name: string, { apiKey, rules }: SourceChange): Promise<void> {
    if (apiKey !== undefined) checkKey(apiKey);
    checkPatterns(rules?.targetUids ?? []);
    const changed = await conflictAs("the key is another source's", () =>
      this.#database.batch([
        {
          sql: `UPDATE migrate_sources SET api_key_hash = coalesce($2, api_key_hash),
            target_uids = CASE WHEN $3 = 1 THEN $4 ELSE target_uids END WHERE name = $1`,
          values: [
            name,
            apiKey === undefined ? null : hashOf(apiKey),
            rules === undefined ? 0 : 1,
            patternsText(rules?.targetUids),
          ],
          expectedChanges: 1,
        },
      ]),
    );
    if (changed === undefined) throw noSource(name);
  }

  /** @throws MigrateError not_found | in_use */
  async remove(name: string): Promise<void> {
    const removed = await inUse(`source "${name}" has users`, () =>
      this.#database.batch([
        { sql: "DELETE FROM migrate_source_hosts WHERE source = $1", values: [name] },
        { sql: "DELETE FROM migrate_sources WHERE name = $1", values: [name], expectedChanges: 1 },
      ]),
    );
    if (removed === undefined) throw noSource(name);
  }

  async hosts(source: string): Promise<readonly SourceHost[]> {
    const rows = await this.#database.query(
      `SELECT ${HOST_COLUMNS} FROM migrate_source_hosts WHERE source = $1 ORDER BY name`,
      [source],
    );
    return rows.map(toHost);
  }

  async findHost(source: string, name: string): Promise<SourceHost | undefined> {
    const [row] = await this.#database.query(
      `SELECT ${HOST_COLUMNS} FROM migrate_source_hosts WHERE source = $1 AND name = $2`,
      [source, name],
    );
    return row === undefined ? undefined : toHost(row);
  }

  /** @throws MigrateError invalid | not_found | conflict */
  async addHost(host: SourceHost): Promise<void> {
    checkHost(host);
    checkHasNoPort(host);
    if (!(await this.has(host.source))) throw noSource(host.source);
    const added = await this.#database.batch([
      {
        sql: `INSERT INTO migrate_source_hosts (${HOST_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (source, name) DO NOTHING`,
        values: toValues(host),
        expectedChanges: 1,
      },
    ]);
    if (added === undefined) {
      throw new MigrateError("conflict", `source host "${host.name}" of source "${host.source}" exists`);
    }
  }

  /** @throws MigrateError invalid | not_found */
  async setHost(host: SourceHost): Promise<void> {
    checkHost(host);
    const changed = await this.#database.batch([
      {
        sql: `UPDATE migrate_source_hosts SET max_connections = $3, migration_command_1 = $4, migration_command_2 = $5,
          status_command = $6, max_messages_per_second = $7, max_bytes_per_second = $8 WHERE source = $1 AND name = $2`,
        values: toValues(host),
        expectedChanges: 1,
      },
    ]);
    if (changed === undefined) throw noHost(host.source, host.name);
  }

  /** @throws MigrateError not_found | in_use */
  async removeHost(source: string, name: string): Promise<void> {
    const removed = await inUse(`source host "${name}" has users`, () =>
      this.#database.batch([
        {
          sql: "DELETE FROM migrate_source_hosts WHERE source = $1 AND name = $2",
          values: [source, name],
          expectedChanges: 1,
        },
      ]),
    );
    if (removed === undefined) throw noHost(source, name);
  }
}

export function noSource(name: string): MigrateError {
  return new MigrateError("not_found", `there is no source "${name}"`);
}

export function noHost(source: string, name: string): MigrateError {
  return new MigrateError("not_found", `source "${source}" has no source host "${name}"`);
}

/** A constraint that only this can have met. */
export async function conflictAs<T>(message: string, work: () => Promise<T>): Promise<T> {
  return refusedAs("conflict", message, work);
}

/** A row that others refer to. */
export async function inUse<T>(message: string, work: () => Promise<T>): Promise<T> {
  return refusedAs("in_use", message, work);
}

async function refusedAs<T>(
  code: "conflict" | "in_use",
  message: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SqlError && error.code === "constraint") {
      throw new MigrateError(code, message, { cause: error });
    }
    throw error;
  }
}

function checkKey(apiKey: string): void {
  if (apiKey.length < MIN_KEY_LENGTH || apiKey.length > MAX_KEY_LENGTH || !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new MigrateError(
      "invalid",
      `an apiKey has ${MIN_KEY_LENGTH} to ${MAX_KEY_LENGTH} printable ASCII characters`,
    );
  }
}

function checkHost({ name, maxConnections }: SourceHost): void {
  if (name === "" || name.length > MAX_HOST_NAME || /[\s/\p{Cc}]/u.test(name)) {
    throw new MigrateError("invalid", `"${name}" is no name of a source host`);
  }
  if (!Number.isSafeInteger(maxConnections) || maxConnections < 0) {
    throw new MigrateError("invalid", `maxConnections of "${name}" is no whole number from 0 up`);
  }
}

/** Hosts that are there already keep their name. */
function checkHasNoPort({ name }: SourceHost): void {
  if (!name.includes(":") || isIPv6(name)) return;
  const where = "--port, the user's sourceport, or imapc_port of the source";
  throw new MigrateError("invalid", `"${name}" is no name of a source host: the port is given with ${where}`);
}

function hashOf(apiKey: string): string {
  return createHash("sha256").update(apiKey, "utf8").digest("hex");
}

function patternsText(targetUids: readonly string[] | undefined): string | null {
  return targetUids === undefined ? null : JSON.stringify(targetUids);
}

function toSource(row: SqlRow): Omit<Source, "apiKey"> {
  const targetUids = optionalText(row, "target_uids") === undefined ? undefined : listOf(row, "target_uids");
  return { name: textOf(row, "name"), targetUids };
}

function toValues(host: SourceHost): readonly (string | number)[] {
  return [
    host.source,
    host.name,
    host.maxConnections,
    host.migrationCommand1,
    host.migrationCommand2,
    host.statusCommand,
    host.maxMessagesPerSecond,
    host.maxBytesPerSecond,
  ];
}

export function toHost(row: SqlRow): SourceHost {
  return {
    source: textOf(row, "source"),
    name: textOf(row, "name"),
    maxConnections: numberOf(row, "max_connections"),
    migrationCommand1: textOf(row, "migration_command_1"),
    migrationCommand2: textOf(row, "migration_command_2"),
    statusCommand: textOf(row, "status_command"),
    maxMessagesPerSecond: numberOf(row, "max_messages_per_second"),
    maxBytesPerSecond: numberOf(row, "max_bytes_per_second"),
  };
}

/** Targets and the workers that serve them, which the framework calls backends (S4.26, S4.73). */
import type { SqlDatabase, SqlRow } from "../../base/io/sql/port.ts";
import { MigrateError } from "../errors.ts";
import type { BackendState } from "../job-queue.ts";
import { numberOf, textOf } from "./row.ts";
import type { SharedClock } from "./shared-clock.ts";
import { inUse } from "./sources.ts";

export interface Backend {
  readonly target: string;
  readonly name: string;
  /** What it is asked to do. */
  readonly state: BackendState;
  /** What it is asked to do when it starts. */
  readonly initialState: BackendState;
  readonly maxThreads: number;
  readonly version: string;
  readonly running: number;
  readonly startedMs: number;
  readonly heartbeatMs: number;
  /** It has said so lately. */
  readonly alive: boolean;
}

export interface BackendChange {
  readonly state?: BackendState | undefined;
  readonly initialState?: BackendState | undefined;
  readonly maxThreads?: number | undefined;
}

const TARGET_NAME = /^[a-zA-Z0-9_.-]{1,64}$/;
export const MAX_THREADS = 1_000;
/** Workers say that they live three times a lease, which is a minute or so. */
const ALIVE_MS = 120_000;

export class Backends {
  readonly #database: SqlDatabase;
  readonly #clock: SharedClock;

  constructor(database: SqlDatabase, clock: SharedClock) {
    this.#database = database;
    this.#clock = clock;
  }

  async targets(): Promise<readonly string[]> {
    const rows = await this.#database.query("SELECT name FROM migrate_targets ORDER BY name");
    return rows.map((row) => textOf(row, "name"));
  }

  async hasTarget(name: string): Promise<boolean> {
    return (
      (await this.#database.query("SELECT 1 AS one FROM migrate_targets WHERE name = $1", [name])).length > 0
    );
  }

  /** @throws MigrateError invalid | conflict */
  async addTarget(name: string): Promise<void> {
    checkTarget(name);
    const added = await this.#database.batch([
      {
        sql: "INSERT INTO migrate_targets (name, created) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        values: [name, this.#clock.nowMs()],
        expectedChanges: 1,
      },
    ]);
    if (added === undefined) throw new MigrateError("conflict", `target "${name}" exists`);
  }

  /** With its backends. @throws MigrateError not_found | in_use */
  async removeTarget(name: string): Promise<void> {
    const removed = await inUse(`target "${name}" has users`, () =>
      this.#database.batch([
        { sql: "DELETE FROM migrate_backends WHERE target = $1", values: [name] },
        { sql: "DELETE FROM migrate_targets WHERE name = $1", values: [name], expectedChanges: 1 },
      ]),
    );
    if (removed === undefined) throw noTarget(name);
  }

  /** @param target undefined = of all */
  async list(target?: string): Promise<readonly Backend[]> {
    const rows =
      target === undefined
        ? await this.#database.query("SELECT * FROM migrate_backends ORDER BY target, name")
        : await this.#database.query("SELECT * FROM migrate_backends WHERE target = $1 ORDER BY name", [
            target,
          ]);
    return rows.map((row) => this.#toBackend(row));
  }

  async find(target: string, name: string): Promise<Backend | undefined> {
    const [row] = await this.#database.query(
      "SELECT * FROM migrate_backends WHERE target = $1 AND name = $2",
      [target, name],
    );
    return row === undefined ? undefined : this.#toBackend(row);
  }

  /** The worker hears of it with its next heartbeat. @throws MigrateError invalid | not_found */
  async change(target: string, name: string, change: BackendChange): Promise<void> {
    const { state = null, initialState = null, maxThreads = null } = change;
    if (
      maxThreads !== null &&
      !(Number.isInteger(maxThreads) && maxThreads >= 0 && maxThreads <= MAX_THREADS)
    ) {
      throw new MigrateError("invalid", `maxThreads is no whole number from 0 to ${MAX_THREADS}`);
    }
    const changed = await this.#database.batch([
      {
        sql: `UPDATE migrate_backends SET state = COALESCE(CAST($3 AS text), state),
          initial_state = COALESCE(CAST($4 AS text), initial_state),
          max_threads = COALESCE(CAST($5 AS bigint), max_threads) WHERE target = $1 AND name = $2`,
        values: [target, name, state, initialState, maxThreads],
        expectedChanges: 1,
      },
    ]);
    if (changed === undefined) throw noBackend(target, name);
  }

  /** One that lives makes itself known again. @throws MigrateError not_found */
  async remove(target: string, name: string): Promise<void> {
    const removed = await this.#database.batch([
      {
        sql: "DELETE FROM migrate_backends WHERE target = $1 AND name = $2",
        values: [target, name],
        expectedChanges: 1,
      },
    ]);
    if (removed === undefined) throw noBackend(target, name);
  }

  #toBackend(row: SqlRow): Backend {
    const heartbeatMs = numberOf(row, "heartbeat");
    return {
      target: textOf(row, "target"),
      name: textOf(row, "name"),
      state: textOf(row, "state") as BackendState,
      initialState: textOf(row, "initial_state") as BackendState,
      maxThreads: numberOf(row, "max_threads"),
      version: textOf(row, "version"),
      running: numberOf(row, "running"),
      startedMs: numberOf(row, "started"),
      heartbeatMs,
      alive: this.#clock.nowMs() - heartbeatMs < ALIVE_MS,
    };
  }
}

/** @throws MigrateError invalid */
export function checkTarget(name: string): void {
  if (!TARGET_NAME.test(name)) throw new MigrateError("invalid", `"${name}" is no name of a target`);
}

export function noTarget(name: string): MigrateError {
  return new MigrateError("not_found", `there is no target "${name}"`);
}

export function noBackend(target: string, name: string): MigrateError {
  return new MigrateError("not_found", `target "${target}" has no backend "${name}"`);
}

/**
 * `SqlDatabase` over PostgreSQL, through a pool. Sessions of the pool come back by themselves after the server was away;
 * a request that finds none fails with `unavailable`, and so does one whose answer was lost: whether it ran is unknown.
 */
import { createHash } from "node:crypto";
import { Pool, type PoolClient, type PoolConfig, types } from "pg";
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import {
  type SqlDatabase,
  type SqlRow,
  type SqlStatement,
  type SqlTransaction,
  type SqlValue,
} from "./port.ts";
import { isConflict, isEnded, toSqlError } from "./postgres-errors.ts";

export interface PostgresSettings {
  /** `postgres://user@host:5432/database?sslmode=verify-full` */
  readonly url: string;
  /** Instead of one in the URL. */
  readonly password?: string | undefined;
  readonly maxConnections: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Hears of pool sessions that broke while idle. */
  readonly onLost?: (error: Error) => void;
}

/** How long a request waits for a session of the pool, connecting included. */
const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 60_000;
/** Of one statement, kept by the server: a lock that nobody gives back must not hold a request for ever. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** On top, for the way back. */
const ANSWER_GRACE_MS = 5_000;
/** A transaction that loses against others is run again so often. */
const MAX_CONFLICTS = 12;
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 250;

type TypeId = Parameters<typeof types.getTypeParser>[0];

/** Integers arrive as numbers, or as bigint where a number is not exact; truth as 1 and 0, as in SQLite. */
const parsers = new Map<number, (text: string) => unknown>([
  [types.builtins.INT8, toInteger],
  [types.builtins.NUMERIC, (text) => (/^-?\d+$/.test(text) ? toInteger(text) : Number(text))],
  [types.builtins.BOOL, (text) => (text === "t" ? 1 : 0)],
]);
const rowTypes = {
  getTypeParser: (id: TypeId, format?: "text" | "binary") =>
    parsers.get(id) ?? types.getTypeParser(id, format ?? "text"),
};

export class PostgresDatabase implements SqlDatabase {
  readonly dialect = "postgres";
  readonly description: string;
  readonly #pool: Pool;
  readonly #settings: PostgresSettings;

  private constructor(settings: PostgresSettings) {
    this.#settings = settings;
    this.description = describePostgres(settings.url);
    this.#pool = new Pool({
      ...(settings.password === undefined ? { connectionString: settings.url } : withPassword(settings)),
      max: settings.maxConnections,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      // The server's bound does not help when nothing comes back from it any more.
      query_timeout: STATEMENT_TIMEOUT_MS + ANSWER_GRACE_MS,
      keepAlive: true,
      allowExitOnIdle: true,
      application_name: "rookery",
      types: rowTypes,
    });
    this.#pool.on("error", (error) => settings.onLost?.(error));
  }

  /** @throws SqlError unavailable | refused */
  static async open(settings: PostgresSettings): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(settings);
    try {
      await database.query("SELECT 1");
    } catch (error) {
      await database.close();
      throw error;
    }
    return database;
  }

  query(sql: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return this.#withClient(async (client) => (await run(client, sql, values)).rows);
  }

  batch(statements: readonly SqlStatement[]): Promise<readonly number[] | undefined> {
    const [only, second] = statements;
    if (only === undefined) return Promise.resolve([]);
    if (second === undefined && only.expectedChanges === undefined) {
      return this.#withClient(async (client) => [(await run(client, only.sql, only.values)).rowCount ?? 0]);
    }
    // Rows that others hold are waited for and looked at again, so READ COMMITTED does for compare-and-swap.
    return this.#again("BEGIN ISOLATION LEVEL READ COMMITTED", async (client) => {
      const counts: number[] = [];
      for (const { sql, values, expectedChanges } of statements) {
        const count = (await run(client, sql, values)).rowCount ?? 0;
        if (expectedChanges !== undefined && count !== expectedChanges) return undefined;
        counts.push(count);
      }
      return counts;
    });
  }

  async transaction<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T> {
    const done = await this.#again("BEGIN ISOLATION LEVEL SERIALIZABLE", async (client) => ({
      result: await work({
        query: async (sql, values = []) => {
          try {
            return (await run(client, sql, values)).rows;
          } catch (error) {
            throw isConflict(error) || isEnded(error) ? error : toSqlError(error, this.description);
          }
        },
      }),
    }));
    return done.result;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      // A session that breaks while it is lent says so here too; the request that runs on it fails with the reason.
      client.on("error", ignore);
      return await work(client);
    } catch (error) {
      throw toSqlError(error, this.description);
    } finally {
      client?.off("error", ignore);
      client?.release();
    }
  }

  /** Runs it again after a conflict: nothing of the last run is left then. `work` says undefined to undo. */
  async #again<T>(begin: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
    for (let conflicts = 0; ; conflicts++) {
      const outcome = await this.#withClient<{ readonly result: T } | "conflict">(async (client) => {
        let committing = false;
        try {
          await client.query(begin);
          const result = await work(client);
          committing = true;
          await client.query(result === undefined ? "ROLLBACK" : "COMMIT");
          return { result };
        } catch (error) {
          // On a broken session there is nothing to roll back; the pool throws it away.
          await client.query("ROLLBACK").catch(ignore);
          // A session that breaks before the end has done nothing either.
          const nothingDone = isConflict(error) || (!committing && isEnded(error));
          if (nothingDone && conflicts < MAX_CONFLICTS) return "conflict";
          throw error;
        }
      });
      if (outcome !== "conflict") return outcome.result;
      await this.#pause(conflicts);
    }
  }

  #pause(conflicts: number): Promise<void> {
    const { clock, random } = this.#settings;
    const longest = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** conflicts);
    // Neither the clock's timers nor idle sessions keep a process alive; somebody waits for this request.
    const alive = setInterval(ignore, MAX_PAUSE_MS);
    return new Promise((resolve) => {
      clock.setTimer(longest / 2 + random.below(longest), () => {
        clearInterval(alive);
        resolve();
      });
    });
  }
}

interface Result {
  readonly rows: readonly SqlRow[];
  readonly rowCount: number | null;
}

function run(client: PoolClient, sql: string, values: readonly SqlValue[]): Promise<Result> {
  // Prepared once a session. Other statements (schemas) are sent as they are.
  const name = /^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(sql) ? nameOf(sql) : undefined;
  return client.query<Record<string, SqlValue>>({
    text: sql,
    values: [...values],
    ...(name === undefined ? {} : { name }),
  });
}

/** Statements that are built by hand are not prepared any more after so many different ones. */
const MAX_NAMES = 1024;
const names = new Map<string, string>();

function nameOf(sql: string): string | undefined {
  let name = names.get(sql);
  if (name === undefined) {
    if (names.size >= MAX_NAMES) return undefined;
    name = createHash("sha256").update(sql).digest("base64url").slice(0, 22);
    names.set(sql, name);
  }
  return name;
}

export function withPassword({ url, password = "" }: Pick<PostgresSettings, "url" | "password">): PoolConfig {
  const parsed = new URL(url);
  parsed.password = encodeURIComponent(password);
  return { connectionString: parsed.href };
}

/** Host and database without the password. */
export function describePostgres(url: string): string {
  const { host, pathname } = new URL(url);
  return `postgres://${host}${pathname}`;
}

function toInteger(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

function ignore(): void {}

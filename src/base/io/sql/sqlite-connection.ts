import Database from "better-sqlite3";
import { Lru } from "../../lru.ts";
import type { SqlValue } from "./port.ts";
import type { SqliteRows } from "./sqlite-messages.ts";

type Prepared = Database.Statement<[Record<string, unknown>?]>;

/** Statements are written in the source, so that few of them exist. */
const MAX_PREPARED = 512;
/** Other processes (a command line, say) may write too. */
const BUSY_TIMEOUT_MS = 10_000;
const CACHE_KIB = 16 * 1024;

/** One connection with its prepared statements; every call blocks its thread. */
export class SqliteConnection {
  readonly #database: Database.Database;
  readonly #prepared = new Lru<string, Prepared>({ maxEntries: MAX_PREPARED });

  private constructor(database: Database.Database) {
    this.#database = database;
    database.defaultSafeIntegers(true);
    database.pragma(`cache_size = -${CACHE_KIB}`);
  }

  static openWriter(path: string): SqliteConnection {
    const database = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    database.pragma("journal_mode = WAL");
    // The driver is built with NORMAL, which loses the last commits when the power goes.
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    return new SqliteConnection(database);
  }

  /** The file must be there and in WAL mode. */
  static openReader(path: string): SqliteConnection {
    return new SqliteConnection(new Database(path, { timeout: BUSY_TIMEOUT_MS, readonly: true }));
  }

  /** Does the statement change nothing? Also true for one that does not compile: it fails the same way when run. */
  isRead(sql: string): boolean {
    try {
      const statement = this.#prepare(sql);
      return statement.readonly && statement.reader;
    } catch {
      // A statement about tables that are not there yet, or PRAGMAs: in turn with the changes.
      return false;
    }
  }

  rows(sql: string, values: readonly SqlValue[]): SqliteRows {
    const statement = this.#prepare(sql);
    if (!statement.reader) {
      statement.run(...named(values));
      return { columns: [], rows: [] };
    }
    const rows = statement.raw(true).all(...named(values)) as SqlValue[][];
    for (const row of rows) {
      for (let at = 0; at < row.length; at++) row[at] = toValue(row[at] ?? null);
    }
    return { columns: statement.columns().map(({ name }) => name), rows };
  }

  changes(sql: string, values: readonly SqlValue[]): number {
    const statement = this.#prepare(sql);
    if (!statement.reader) return statement.run(...named(values)).changes;
    return statement.raw(true).all(...named(values)).length;
  }

  get isInTransaction(): boolean {
    return this.#database.inTransaction;
  }

  /** Undone when `work` throws or says undefined. */
  savepoint<T>(work: () => T): T {
    this.run("SAVEPOINT one");
    let result: T | undefined;
    try {
      result = work();
      return result;
    } finally {
      // Some failures (a full disk) have ended the whole transaction already.
      if (this.#database.inTransaction) {
        if (result === undefined) this.run("ROLLBACK TO one");
        this.run("RELEASE one");
      }
    }
  }

  run(
    sql: "BEGIN IMMEDIATE" | "COMMIT" | "ROLLBACK" | "SAVEPOINT one" | "ROLLBACK TO one" | "RELEASE one",
  ): void {
    this.#prepare(sql).run();
  }

  /** After a failure: whatever is open is rolled back. */
  undo(): void {
    if (this.#database.inTransaction) this.run("ROLLBACK");
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#prepared.get(sql);
    if (prepared === undefined) {
      prepared = this.#database.prepare(sql);
      this.#prepared.set(sql, prepared);
    }
    return prepared;
  }
}

/** `$1` is a parameter with the name "1" to SQLite. */
function named(values: readonly SqlValue[]): [Record<string, unknown>?] {
  if (values.length === 0) return [];
  return [Object.fromEntries(values.map((value, at) => [String(at + 1), value]))];
}

function toValue(value: SqlValue): SqlValue {
  if (typeof value !== "bigint") return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

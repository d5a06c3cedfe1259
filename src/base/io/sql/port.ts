/**
 * A relational database behind one small door: SQLite in the data folder or PostgreSQL. Statements are written once, in
 * the words that both know, with `$1` placeholders; both engines pass test/contracts/sql.
 *
 * Promises: what resolves is durable. The calling thread never waits for the disk (SQLite runs in a worker thread, where
 * batches that come together share one commit). Lost connections are made again; a statement that may have run is not
 * repeated.
 */
export type SqlValue = string | number | bigint | Buffer | null;
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface SqlStatement {
  readonly sql: string;
  readonly values: readonly SqlValue[];
  /** The batch is undone unless the statement changes exactly so many rows: compare-and-swap. */
  readonly expectedChanges?: number;
}

export interface SqlDatabase {
  readonly dialect: "sqlite" | "postgres";
  /** For people: a path, or host and database without the password. */
  readonly description: string;
  /** @throws SqlError */
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** All or none; rows changed by each statement. undefined = an `expectedChanges` was not met and nothing happened. @throws SqlError */
  batch(statements: readonly SqlStatement[]): Promise<readonly number[] | undefined>;
  /** Several statements with decisions between them. Serializable in effect; `work` may run again after a conflict. @throws SqlError, and what `work` throws */
  transaction<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface SqlTransaction {
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
}

export type SqlErrorCode =
  /** Cannot be reached or is starting: worth another try. */
  | "unavailable"
  /** A unique key is taken, a reference is missing. */
  | "constraint"
  | "disk_full"
  /** A bug, a missing table, a right that is not granted. */
  | "refused";

export class SqlError extends Error {
  override name = "SqlError";
  readonly code: SqlErrorCode;
  constructor(code: SqlErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

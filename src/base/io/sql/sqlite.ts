/** `SqlDatabase` over one SQLite file. The file's folder must be there; schemas are the rooms' affair. */
import { Worker } from "node:worker_threads";
import { assert } from "../../assert.ts";
import {
  type SqlDatabase,
  SqlError,
  type SqlRow,
  type SqlStatement,
  type SqlTransaction,
  type SqlValue,
} from "./port.ts";
import type { SqliteReply, SqliteRequest, SqliteRows, SqliteThreadData } from "./sqlite-messages.ts";

/** Requests under way; more are refused instead of filling memory behind a slow disk. */
const MAX_WAITING = 20_000;

interface Waiter {
  readonly resolve: (reply: SqliteReply) => void;
  readonly reject: (error: SqlError) => void;
}
type Body<Request> = Request extends unknown ? Omit<Request, "id"> : never;

export class SqliteDatabase implements SqlDatabase {
  readonly dialect = "sqlite";
  readonly description: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiter>();
  #nextId = 1;
  #failure: SqlError | undefined;

  private constructor(path: string) {
    this.description = path;
    const workerData: SqliteThreadData = { path };
    this.#worker = new Worker(new URL("sqlite-thread.ts", import.meta.url), { workerData });
    this.#worker.on("message", (replies: readonly SqliteReply[]) => {
      for (const reply of replies) this.#answered(reply);
    });
    this.#worker.on("error", (error) => this.#fail(new SqlError("refused", error.message, { cause: error })));
    this.#worker.on("exit", () => this.#fail(new SqlError("unavailable", `database ${path} is closed`)));
    // An idle database must not keep the process alive.
    this.#worker.unref();
  }

  /** @param path of the file, made when missing; ":memory:" for tests. @throws SqlError */
  static async open(path: string): Promise<SqliteDatabase> {
    const database = new SqliteDatabase(path);
    await database.query("SELECT 1");
    return database;
  }

  async query(sql: string, values: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return toRows(await this.#ask({ op: "query", sql, values: values.map(toThread) }));
  }

  async batch(statements: readonly SqlStatement[]): Promise<readonly number[] | undefined> {
    const copies = statements.map((statement) => ({ ...statement, values: statement.values.map(toThread) }));
    const reply = await this.#ask({ op: "batch", statements: copies });
    assert("changes" in reply, "a batch is answered with its changes");
    return reply.changes;
  }

  async transaction<T>(work: (transaction: SqlTransaction) => Promise<T>): Promise<T> {
    const { id: transaction } = await this.#ask({ op: "begin" });
    let result: T;
    try {
      result = await work({
        query: async (sql, values = []) =>
          toRows(await this.#ask({ op: "statement", transaction, sql, values: values.map(toThread) })),
      });
    } catch (error) {
      // What `work` threw is the answer; a rollback fails only when there is nothing left to undo.
      await this.#ask({ op: "rollback", transaction }).catch(() => {});
      throw error;
    }
    await this.#ask({ op: "commit", transaction });
    return result;
  }

  async close(): Promise<void> {
    if (this.#failure !== undefined) return;
    const exited = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    const closed = this.#ask({ op: "close" });
    this.#failure = new SqlError("unavailable", `database ${this.description} is closed`);
    // Until it has ended, whatever answers come before: else the process may end here, with code 13.
    this.#worker.ref();
    await closed;
    await exited;
  }

  #ask(request: Body<SqliteRequest>): Promise<SqliteReply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(new SqlError("unavailable", `database ${this.description} is overloaded`));
    }
    const id = this.#nextId++;
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...request, id }, []);
    });
  }

  #answered(reply: SqliteReply): void {
    const waiter = this.#waiting.get(reply.id);
    assert(waiter !== undefined, "SQLite thread answered without being asked");
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0 && this.#failure === undefined) this.#worker.unref();
    if ("error" in reply) waiter.reject(new SqlError(reply.error.code, reply.error.message));
    else waiter.resolve(reply);
  }

  #fail(error: SqlError): void {
    this.#failure ??= error;
    for (const waiter of this.#waiting.values()) waiter.reject(error);
    this.#waiting.clear();
  }
}

function toThread(value: SqlValue): SqlValue {
  // The thread gets a Uint8Array, which its driver takes as well.
  return Buffer.isBuffer(value) ? (new Uint8Array(value) as Buffer) : value;
}

function toRows(reply: SqliteReply): readonly SqlRow[] {
  assert("rows" in reply, "a query is answered with rows");
  const { columns, rows }: SqliteRows = reply.rows;
  return rows.map((values) => {
    const row: Record<string, SqlValue> = {};
    for (const [at, name] of columns.entries()) {
      const value = values[at] ?? null;
      row[name] =
        value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
    }
    return row;
  });
}

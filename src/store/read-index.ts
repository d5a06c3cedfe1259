/** Read-only connections to the index database: they see what is committed, and never wait for the committer. */
import type Database from "better-sqlite3";
import { openSqlite } from "../base/io/sqlite.ts";

export function indexPath(folder: string): string {
  return `${folder}/index.sqlite`;
}

/** Pages kept in memory, by the connection for everything and by those that read a mailbox once from end to end. */
const CACHE_KIB = 8192;
const SNAPSHOT_CACHE_KIB = 512;
/** Large views that load at the same time; further ones wait their turn. */
const MAX_SNAPSHOTS = 4;

export class ReadIndex {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();

  constructor(folder: string, cacheKib = CACHE_KIB) {
    this.#database = openSqlite(indexPath(folder), { readonly: true });
    this.#database.pragma(`cache_size = -${cacheKib}`);
  }

  /** A statement, prepared at first use. Use `all` and `get` only: an open cursor would hold the connection. */
  sql(text: string): Database.Statement {
    let statement = this.#statements.get(text);
    if (statement === undefined) this.#statements.set(text, (statement = this.#database.prepare(text)));
    return statement;
  }

  begin(): void {
    this.#database.exec("BEGIN");
  }
  end(): void {
    if (this.#database.inTransaction) this.#database.exec("COMMIT");
  }

  close(): void {
    this.#database.close();
  }
}

/** Connections for reading one state of the database over several turns of the event loop. */
export class Snapshots {
  readonly #folder: string;
  readonly #free: ReadIndex[] = [];
  readonly #waiting: ((index: ReadIndex) => void)[] = [];
  #opened = 0;
  #isClosed = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async use<T>(read: (index: ReadIndex) => Promise<T>): Promise<T> {
    const index = await this.#take();
    try {
      index.begin();
      return await read(index);
    } finally {
      index.end();
      this.#giveBack(index);
    }
  }

  #take(): ReadIndex | Promise<ReadIndex> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#opened < MAX_SNAPSHOTS) {
      const index = new ReadIndex(this.#folder, SNAPSHOT_CACHE_KIB);
      this.#opened++;
      return index;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #giveBack(index: ReadIndex): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next(index);
    else if (this.#isClosed) index.close();
    else this.#free.push(index);
  }

  close(): void {
    this.#isClosed = true;
    for (const index of this.#free) index.close();
    this.#free.length = 0;
  }
}

/**
 * The records of one folder while it is copied. Chunks are read when they are asked for and written together with the
 * cursor, so that both always tell the same; few of them are in memory at a time.
 */
import { assert } from "../../base/assert.ts";
import type { SqlDatabase, SqlStatement } from "../../base/io/sql/port.ts";
import type { FolderCursor, OutcomeCounts } from "./cursor.ts";
import { decodeChunk, encodeChunk, isStored, type LedgerRecord, RECORDS_A_CHUNK } from "./record.ts";

/** Clean ones above this are let go. */
const MAX_CHUNKS_IN_MEMORY = 32;
const MAX_REASON_CHARACTERS = 1000;

/** The job was given to somebody else, or closed: nothing was written. */
export class LeaseLostError extends Error {
  override name = "LeaseLostError";
}

interface Chunk {
  /** Key of its row; undefined = not written yet. */
  row: number | undefined;
  records: LedgerRecord[] | undefined;
  dirty: boolean;
}

export class FolderLedger {
  readonly id: number;
  readonly sourceFolder: string;
  readonly #database: SqlDatabase;
  readonly #fence: SqlStatement | undefined;
  #cursor: FolderCursor;
  /** Ascending; `first` is the lowest UID of each. */
  #chunks: (Chunk & { first: number })[] | undefined;
  readonly #remarks = new Map<number, string | undefined>();
  /** Rows that go with the next `flush`. */
  readonly #dropped: number[] = [];
  #isCleared = false;

  constructor(options: {
    database: SqlDatabase;
    fence: SqlStatement | undefined;
    id: number;
    sourceFolder: string;
    cursor: FolderCursor;
  }) {
    this.#database = options.database;
    this.#fence = options.fence;
    this.id = options.id;
    this.sourceFolder = options.sourceFolder;
    this.#cursor = options.cursor;
  }

  get cursor(): FolderCursor {
    return this.#cursor;
  }

  /** In memory; `flush` writes it. */
  change(part: Partial<FolderCursor>): void {
    this.#cursor = { ...this.#cursor, ...part };
  }

  async find(uid: number): Promise<LedgerRecord | undefined> {
    const chunk = this.#chunkOf(await this.#loadChunks(), uid);
    if (chunk === undefined) return undefined;
    const records = await this.#recordsOf(chunk);
    const at = lowerBound(records, uid);
    return records[at]?.uid === uid ? records[at] : undefined;
  }

  /** Puts the record in the place of the one with its UID. */
  async put(record: LedgerRecord, reason?: string): Promise<void> {
    const chunks = await this.#loadChunks();
    let chunk = this.#chunkOf(chunks, record.uid);
    if (chunk === undefined || (chunk === chunks.at(-1) && (await this.#isFullBelow(chunk, record.uid)))) {
      const fresh = { row: undefined, records: [], dirty: true, first: record.uid };
      const first = chunks[0];
      // Below the first one: it grows downwards under its old key.
      if (chunk === undefined && first !== undefined) chunk = first;
      else {
        chunks.push(fresh);
        chunk = fresh;
      }
    }
    const records = await this.#recordsOf(chunk);
    const at = lowerBound(records, record.uid);
    const before = records[at]?.uid === record.uid ? records[at] : undefined;
    records.splice(at, before === undefined ? 0 : 1, record);
    chunk.first = records[0]?.uid ?? record.uid;
    if (chunk.row !== undefined && chunk.row !== chunk.first) {
      // A row's key is its first UID, or two rows might get one key.
      this.#dropped.push(chunk.row);
      chunk.row = undefined;
    }
    chunk.dirty = true;
    this.#count(before, -1);
    this.#count(record, 1);
    if (reason !== undefined) this.#remarks.set(record.uid, reason.slice(0, MAX_REASON_CHARACTERS));
    else if (before?.outcome === "skipped" || before?.outcome === "missing")
      this.#remarks.set(record.uid, undefined);
    if (records.length > RECORDS_A_CHUNK) this.#split(chunks, chunk, records);
  }

  /** Every record, ascending. What is put meanwhile may or may not be among them. */
  async *all(): AsyncGenerator<LedgerRecord> {
    for (const chunk of (await this.#loadChunks()).slice()) {
      yield* (await this.#recordsOf(chunk)).slice();
      this.#letGo();
    }
  }

  /** Forgets every record: the source numbers its messages anew. */
  async clear(): Promise<void> {
    for (const chunk of await this.#loadChunks()) {
      if (chunk.row !== undefined) this.#dropped.push(chunk.row);
    }
    this.#chunks = [];
    this.#remarks.clear();
    this.#isCleared = true;
    this.change({
      counts: { saved: 0, already: 0, skipped: 0, missing: 0, deleted: 0, storedBytes: 0 },
    });
  }

  /** @throws LeaseLostError, SqlError */
  async flush(): Promise<void> {
    const statements: SqlStatement[] = this.#fence === undefined ? [] : [this.#fence];
    if (this.#isCleared) {
      statements.push({ sql: "DELETE FROM migrate_remarks WHERE folder = $1", values: [this.id] });
    }
    for (const row of this.#dropped) {
      const sql = "DELETE FROM migrate_chunks WHERE folder = $1 AND first_uid = $2";
      statements.push({ sql, values: [this.id, row] });
    }
    const written = (this.#chunks ?? []).filter((chunk) => chunk.dirty);
    for (const chunk of written) {
      chunk.row ??= chunk.first;
      statements.push({
        sql: "INSERT INTO migrate_chunks (folder, first_uid, data) VALUES ($1, $2, $3) ON CONFLICT (folder, first_uid) DO UPDATE SET data = excluded.data",
        values: [this.id, chunk.row, encodeChunk(chunk.records ?? [])],
      });
      chunk.dirty = false;
    }
    for (const [uid, reason] of this.#remarks) statements.push(this.#remark(uid, reason));
    statements.push({
      sql: "UPDATE migrate_folders SET cursor_json = $2 WHERE id = $1",
      values: [this.id, JSON.stringify(this.#cursor)],
      expectedChanges: 1,
    });
    this.#remarks.clear();
    this.#dropped.length = 0;
    this.#isCleared = false;
    if ((await this.#database.batch(statements)) === undefined) {
      throw new LeaseLostError(`the job is held by somebody else: ${this.sourceFolder} is not written`);
    }
    this.#letGo();
  }

  /** Nothing more is asked for now: records that are written leave memory. */
  rest(): void {
    for (const chunk of this.#chunks ?? []) if (!chunk.dirty) chunk.records = undefined;
  }

  async reasons(): Promise<ReadonlyMap<number, string>> {
    const rows = await this.#database.query("SELECT uid, reason FROM migrate_remarks WHERE folder = $1", [
      this.id,
    ]);
    return new Map(rows.map((row) => [Number(row["uid"]), String(row["reason"])]));
  }

  #remark(uid: number, reason: string | undefined): SqlStatement {
    if (reason === undefined) {
      return {
        sql: "DELETE FROM migrate_remarks WHERE folder = $1 AND uid = $2",
        values: [this.id, uid],
      };
    }
    return {
      sql: "INSERT INTO migrate_remarks (folder, uid, reason) VALUES ($1, $2, $3) ON CONFLICT (folder, uid) DO UPDATE SET reason = excluded.reason",
      values: [this.id, uid, reason],
    };
  }

  #count(record: LedgerRecord | undefined, by: 1 | -1): void {
    if (record === undefined) return;
    const counts: Record<string, number> = { ...this.#cursor.counts };
    counts[record.outcome] = (counts[record.outcome] ?? 0) + by;
    if (isStored(record)) counts["storedBytes"] = (counts["storedBytes"] ?? 0) + by * record.sizeBytes;
    this.change({ counts: counts as unknown as OutcomeCounts });
  }

  async #loadChunks(): Promise<(Chunk & { first: number })[]> {
    if (this.#chunks !== undefined) return this.#chunks;
    const sql = "SELECT first_uid FROM migrate_chunks WHERE folder = $1 ORDER BY first_uid";
    const rows = await this.#database.query(sql, [this.id]);
    this.#chunks ??= rows.map((row) => ({
      row: Number(row["first_uid"]),
      first: Number(row["first_uid"]),
      records: undefined,
      dirty: false,
    }));
    return this.#chunks;
  }

  /** The last one that begins at or below `uid`, or the first. */
  #chunkOf<Item extends { first: number }>(chunks: readonly Item[], uid: number): Item | undefined {
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (chunks[middle]!.first <= uid) low = middle + 1;
      else high = middle;
    }
    return chunks[Math.max(0, low - 1)];
  }

  async #isFullBelow(chunk: Chunk & { first: number }, uid: number): Promise<boolean> {
    const records = await this.#recordsOf(chunk);
    return records.length >= RECORDS_A_CHUNK && (records.at(-1)?.uid ?? 0) < uid;
  }

  async #recordsOf(chunk: Chunk): Promise<LedgerRecord[]> {
    if (chunk.records !== undefined) return chunk.records;
    const sql = "SELECT data FROM migrate_chunks WHERE folder = $1 AND first_uid = $2";
    const [row] = await this.#database.query(sql, [this.id, chunk.row ?? 0]);
    const data = row?.["data"];
    assert(Buffer.isBuffer(data), "a chunk of the ledger is gone");
    chunk.records ??= decodeChunk(data);
    return chunk.records;
  }

  #split(
    chunks: (Chunk & { first: number })[],
    chunk: Chunk & { first: number },
    records: LedgerRecord[],
  ): void {
    const upper = records.splice(records.length >>> 1);
    const fresh = { row: undefined, records: upper, dirty: true, first: upper[0]?.uid ?? 0 };
    chunks.splice(chunks.indexOf(chunk) + 1, 0, fresh);
  }

  #letGo(): void {
    const loaded = (this.#chunks ?? []).filter((chunk) => chunk.records !== undefined && !chunk.dirty);
    for (const chunk of loaded.slice(0, -MAX_CHUNKS_IN_MEMORY)) chunk.records = undefined;
  }
}

function lowerBound(records: readonly LedgerRecord[], uid: number): number {
  // Mostly appended.
  if (records.length === 0 || records.at(-1)!.uid < uid) return records.length;
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (records[middle]!.uid < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}

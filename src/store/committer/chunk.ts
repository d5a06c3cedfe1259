/**
 * Records of one UID range of a mailbox (number = uid >>> CHUNK_BITS), packed in columns, ascending by UID.
 *
 * hot bytes, n records:  modseq f64 × n · internal date f64 × n · uid u32 × n · last updated u32 × n ·
 *                        [keyword words u32 × 4n] · system flags u8 × n
 * cold bytes, n records: created modseq f64 × n · thread id u64 × n · body id f64 × n · save date u32 × n ·
 *                        size u32 × n · guid 20 bytes × n
 * Little endian. The internal date is hot because the sync CRC of a flag change needs its length.
 */
import { assert } from "../../base/assert.ts";
import { SystemFlag } from "../model.ts";

/** 64 UIDs a chunk: measured in docs/decisions/0001-record-chunks.md. */
export const CHUNK_BITS = 6;
export const CHUNK_SIZE = 1 << CHUNK_BITS;

export const HOT_BYTES = 25;
export const HOT_BYTES_WITH_KEYWORDS = 41;

/** Created modseq, thread id, body id, save date, size, GUID. */
export const COLD_BYTES = 52;

const HOT_FIXED = { modseq: 0, internalDate: 8, uid: 16, lastUpdated: 20, keywords: 24, flags: 40 } as const;

export class Chunk {
  readonly number: number;
  count = 0;
  live = 0;
  readonly modseqs: Float64Array;
  readonly internalDates: Float64Array;
  readonly uids: Uint32Array;
  readonly lastUpdated: Uint32Array;
  /** Undefined while no record of the chunk has a keyword. */
  keywords: Uint32Array | undefined;
  readonly flags: Uint8Array;
  cold: ColdColumns | undefined;
  hotDirty = false;
  coldDirty = false;

  constructor(number: number) {
    this.number = number;
    const buffer = new ArrayBuffer(CHUNK_SIZE * HOT_BYTES);
    this.modseqs = new Float64Array(buffer, 0, CHUNK_SIZE);
    this.internalDates = new Float64Array(buffer, CHUNK_SIZE * 8, CHUNK_SIZE);
    this.uids = new Uint32Array(buffer, CHUNK_SIZE * 16, CHUNK_SIZE);
    this.lastUpdated = new Uint32Array(buffer, CHUNK_SIZE * 20, CHUNK_SIZE);
    this.flags = new Uint8Array(buffer, CHUNK_SIZE * 24, CHUNK_SIZE);
  }

  static decode(number: number, hot: Uint8Array, count: number, live: number): Chunk {
    const chunk = new Chunk(number);
    chunk.count = count;
    chunk.live = live;
    const columns = hotColumns(hot, count);
    chunk.modseqs.set(columns.modseqs);
    chunk.internalDates.set(columns.internalDates);
    chunk.uids.set(columns.uids);
    chunk.lastUpdated.set(columns.lastUpdated);
    if (columns.keywords !== undefined) chunk.makeKeywords().set(columns.keywords);
    chunk.flags.set(columns.flags);
    return chunk;
  }

  makeKeywords(): Uint32Array {
    return (this.keywords ??= new Uint32Array(CHUNK_SIZE * 4));
  }

  /** Index of a UID, or -1. */
  indexOf(uid: number): number {
    const index = this.lowerBound(uid);
    return index < this.count && this.uids[index] === uid ? index : -1;
  }

  lowerBound(uid: number): number {
    let low = 0;
    let high = this.count;
    // Appended without gaps is the usual case.
    const guess = high === 0 ? -1 : uid - this.uids[0]!;
    if (guess >= 0 && guess < high && this.uids[guess] === uid) return guess;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.uids[middle]! < uid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Makes room for a new UID and returns its index; columns there hold zeros. */
  insert(uid: number, cold: ColdColumns): number {
    const index = this.lowerBound(uid);
    const { count } = this;
    assert(
      count < CHUNK_SIZE && this.uids[index] !== (index < count ? uid : -1),
      `uid ${uid} is there already`,
    );
    if (index < count) {
      for (const column of [this.modseqs, this.internalDates, this.uids, this.lastUpdated, this.flags]) {
        column.copyWithin(index + 1, index, count);
      }
      this.keywords?.copyWithin(4 * (index + 1), 4 * index, 4 * count);
      cold.shift(index, count, 1);
    }
    this.uids[index] = uid;
    this.keywords?.fill(0, 4 * index, 4 * index + 4);
    this.count++;
    this.live++;
    return index;
  }

  /** Takes a record out for good (its tombstone has expired). */
  remove(index: number, cold: ColdColumns): void {
    const { count } = this;
    if (!(this.flags[index]! & SystemFlag.expunged)) this.live--;
    for (const column of [this.modseqs, this.internalDates, this.uids, this.lastUpdated, this.flags]) {
      column.copyWithin(index, index + 1, count);
    }
    this.keywords?.copyWithin(4 * index, 4 * (index + 1), 4 * count);
    cold.shift(index + 1, count, -1);
    this.count--;
  }

  encodeHot(): Buffer {
    const { count, keywords } = this;
    const out = Buffer.allocUnsafeSlow(
      count * (keywords === undefined ? HOT_BYTES : HOT_BYTES_WITH_KEYWORDS),
    );
    const columns = hotColumns(out, count);
    columns.modseqs.set(this.modseqs.subarray(0, count));
    columns.internalDates.set(this.internalDates.subarray(0, count));
    columns.uids.set(this.uids.subarray(0, count));
    columns.lastUpdated.set(this.lastUpdated.subarray(0, count));
    if (keywords !== undefined) columns.keywords?.set(keywords.subarray(0, 4 * count));
    columns.flags.set(this.flags.subarray(0, count));
    return out;
  }
}

/** What never changes once a record is there. */
export class ColdColumns {
  readonly createdModseqs: Float64Array;
  /** Two words a record: high, low. */
  readonly threadIds: Uint32Array;
  readonly bodyIds: Float64Array;
  readonly saveDates: Uint32Array;
  readonly sizes: Uint32Array;
  readonly guids: Uint8Array;

  constructor(buffer: ArrayBufferLike, byteOffset: number, capacity: number) {
    this.createdModseqs = new Float64Array(buffer, byteOffset, capacity);
    this.threadIds = new Uint32Array(buffer, byteOffset + capacity * 8, capacity * 2);
    this.bodyIds = new Float64Array(buffer, byteOffset + capacity * 16, capacity);
    this.saveDates = new Uint32Array(buffer, byteOffset + capacity * 24, capacity);
    this.sizes = new Uint32Array(buffer, byteOffset + capacity * 28, capacity);
    this.guids = new Uint8Array(buffer, byteOffset + capacity * 32, capacity * 20);
  }

  static empty(): ColdColumns {
    return new ColdColumns(new ArrayBuffer(CHUNK_SIZE * COLD_BYTES), 0, CHUNK_SIZE);
  }

  static decode(bytes: Uint8Array, count: number): ColdColumns {
    const columns = ColdColumns.empty();
    columns.copyFrom(coldColumns(bytes, count), count);
    return columns;
  }

  copyFrom(source: ColdColumns, count: number): void {
    this.createdModseqs.set(source.createdModseqs.subarray(0, count));
    this.threadIds.set(source.threadIds.subarray(0, 2 * count));
    this.bodyIds.set(source.bodyIds.subarray(0, count));
    this.saveDates.set(source.saveDates.subarray(0, count));
    this.sizes.set(source.sizes.subarray(0, count));
    this.guids.set(source.guids.subarray(0, 20 * count));
  }

  encode(count: number): Buffer {
    const out = Buffer.allocUnsafeSlow(count * COLD_BYTES);
    coldColumns(out, count).copyFrom(this, count);
    return out;
  }

  /** Moves the records from..count by `by` places. */
  shift(from: number, count: number, by: number): void {
    this.createdModseqs.copyWithin(from + by, from, count);
    this.threadIds.copyWithin(2 * (from + by), 2 * from, 2 * count);
    this.bodyIds.copyWithin(from + by, from, count);
    this.saveDates.copyWithin(from + by, from, count);
    this.sizes.copyWithin(from + by, from, count);
    this.guids.copyWithin(20 * (from + by), 20 * from, 20 * count);
  }
}

/** Typed arrays need their own alignment; SQLite's buffers have it, pieces of a pool may not. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
}

export function hotColumns(
  bytes: Uint8Array,
  count: number,
): {
  modseqs: Float64Array;
  internalDates: Float64Array;
  uids: Uint32Array;
  lastUpdated: Uint32Array;
  keywords: Uint32Array | undefined;
  flags: Uint8Array;
} {
  const withKeywords = bytes.length === count * HOT_BYTES_WITH_KEYWORDS;
  assert(
    withKeywords || bytes.length === count * HOT_BYTES,
    `hot chunk of ${bytes.length} bytes for ${count}`,
  );
  const { buffer, byteOffset } = aligned(bytes);
  const at = (column: number) => byteOffset + count * column;
  return {
    modseqs: new Float64Array(buffer, at(HOT_FIXED.modseq), count),
    internalDates: new Float64Array(buffer, at(HOT_FIXED.internalDate), count),
    uids: new Uint32Array(buffer, at(HOT_FIXED.uid), count),
    lastUpdated: new Uint32Array(buffer, at(HOT_FIXED.lastUpdated), count),
    keywords: withKeywords ? new Uint32Array(buffer, at(HOT_FIXED.keywords), 4 * count) : undefined,
    flags: new Uint8Array(buffer, at(withKeywords ? HOT_FIXED.flags : HOT_FIXED.keywords), count),
  };
}

export function coldColumns(bytes: Uint8Array, count: number): ColdColumns {
  assert(bytes.length === count * COLD_BYTES, `cold chunk of ${bytes.length} bytes for ${count}`);
  const { buffer, byteOffset } = aligned(bytes);
  return new ColdColumns(buffer, byteOffset, count);
}

/** 16 hex digits as two words; "" = none = 0. */
export function threadIdText(high: number, low: number): string {
  if (high === 0 && low === 0) return "";
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

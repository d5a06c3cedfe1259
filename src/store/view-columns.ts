/** Packed columns of live records, ascending by UID, with room to grow. */
import { coldColumns, hotColumns } from "./committer/chunk.ts";
import { SystemFlag } from "./model.ts";
import type { ColdRows, HotRows } from "./operations.ts";

/** Sum of all columns. */
export const BYTES_A_RECORD = 105;
const MIN_CAPACITY = 16;
/** Elements that are moved one by one as fast as in one call. */
const SHORT_RUN = 32;

export class ViewColumns {
  count = 0;
  capacity: number;
  uids: Uint32Array<ArrayBuffer>;
  modseqs: Float64Array<ArrayBuffer>;
  systemFlags: Uint8Array<ArrayBuffer>;
  keywordBits: Uint32Array<ArrayBuffer>;
  internalDates: Float64Array<ArrayBuffer>;
  saveDates: Float64Array<ArrayBuffer>;
  sizes: Float64Array<ArrayBuffer>;
  createdModseqs: Float64Array<ArrayBuffer>;
  lastUpdated: Float64Array<ArrayBuffer>;
  bodyIds: Float64Array<ArrayBuffer>;
  threadIds: Uint32Array<ArrayBuffer>;
  guids: Uint8Array<ArrayBuffer>;
  /** Somebody else holds `uids`: they may be added to, but not moved. */
  uidsShared = false;

  constructor(expected: number) {
    const capacity = Math.max(MIN_CAPACITY, expected);
    this.capacity = capacity;
    this.uids = new Uint32Array(capacity);
    this.modseqs = new Float64Array(capacity);
    this.systemFlags = new Uint8Array(capacity);
    this.keywordBits = new Uint32Array(4 * capacity);
    this.internalDates = new Float64Array(capacity);
    this.saveDates = new Float64Array(capacity);
    this.sizes = new Float64Array(capacity);
    this.createdModseqs = new Float64Array(capacity);
    this.lastUpdated = new Float64Array(capacity);
    this.bodyIds = new Float64Array(capacity);
    this.threadIds = new Uint32Array(2 * capacity);
    this.guids = new Uint8Array(20 * capacity);
  }

  get sizeBytes(): number {
    return this.capacity * BYTES_A_RECORD;
  }

  /** Columns and how many elements a record has in each. */
  #columns(): [Uint8Array | Uint32Array | Float64Array, number][] {
    return [
      [this.uids, 1],
      [this.modseqs, 1],
      [this.systemFlags, 1],
      [this.keywordBits, 4],
      [this.internalDates, 1],
      [this.saveDates, 1],
      [this.sizes, 1],
      [this.createdModseqs, 1],
      [this.lastUpdated, 1],
      [this.bodyIds, 1],
      [this.threadIds, 2],
      [this.guids, 20],
    ];
  }

  #reserve(count: number): void {
    if (count <= this.capacity) return;
    // A quarter more each time: mailboxes grow slowly, and there are many of them.
    const grown = new ViewColumns(Math.max(count, this.capacity + (this.capacity >>> 2)));
    const target = grown.#columns();
    this.#columns().forEach(([column], i) => target[i]![0].set(column));
    const { count: kept } = this;
    Object.assign(this, grown);
    this.count = kept;
  }

  #ownUids(): void {
    if (!this.uidsShared) return;
    this.uids = this.uids.slice();
    this.uidsShared = false;
  }

  lowerBound(uid: number): number {
    const { uids, count } = this;
    if (count === 0 || uids[count - 1]! < uid) return count;
    // No gaps before it is the usual case of small mailboxes.
    const guess = uid - uids[0]!;
    if (guess >= 0 && guess < count && uids[guess] === uid) return guess;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (uids[middle]! < uid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of a UID, or -1. */
  indexOf(uid: number): number {
    const index = this.lowerBound(uid);
    return index < this.count && this.uids[index] === uid ? index : -1;
  }

  /** The live records of a chunk row, all behind those that are there. Tombstones go to `onTombstone`. */
  addChunk(
    hot: Uint8Array,
    cold: Uint8Array,
    records: number,
    live: number,
    onTombstone: (uid: number, modseq: number) => void,
  ): void {
    const from = hotColumns(hot, records);
    const fromCold = coldColumns(cold, records);
    this.#reserve(this.count + live);
    if (live < records) {
      for (let i = 0; i < records; i++) {
        if (from.flags[i]! & SystemFlag.expunged) onTombstone(from.uids[i]!, from.modseqs[i]!);
        else this.#addRecord(from, fromCold, i);
      }
      return;
    }
    const at = this.count;
    this.uids.set(from.uids, at);
    this.modseqs.set(from.modseqs, at);
    this.systemFlags.set(from.flags, at);
    if (from.keywords !== undefined) this.keywordBits.set(from.keywords, 4 * at);
    this.internalDates.set(from.internalDates, at);
    this.saveDates.set(fromCold.saveDates, at);
    this.sizes.set(fromCold.sizes, at);
    this.createdModseqs.set(fromCold.createdModseqs, at);
    this.lastUpdated.set(from.lastUpdated, at);
    this.bodyIds.set(fromCold.bodyIds, at);
    this.threadIds.set(fromCold.threadIds, 2 * at);
    this.guids.set(fromCold.guids, 20 * at);
    this.count += records;
  }

  #addRecord(hot: ReturnType<typeof hotColumns>, cold: ReturnType<typeof coldColumns>, i: number): void {
    const at = this.count++;
    this.uids[at] = hot.uids[i]!;
    this.modseqs[at] = hot.modseqs[i]!;
    this.systemFlags[at] = hot.flags[i]!;
    for (let word = 0; word < 4; word++) this.keywordBits[4 * at + word] = hot.keywords?.[4 * i + word] ?? 0;
    this.lastUpdated[at] = hot.lastUpdated[i]!;
    this.internalDates[at] = hot.internalDates[i]!;
    this.#setCold(at, cold, i);
  }

  #setCold(at: number, cold: Omit<ColdRows, "internalDates">, i: number): void {
    this.saveDates[at] = cold.saveDates[i]!;
    this.sizes[at] = cold.sizes[i]!;
    this.createdModseqs[at] = cold.createdModseqs[i]!;
    this.bodyIds[at] = cold.bodyIds[i]!;
    this.threadIds[2 * at] = cold.threadIds[2 * i]!;
    this.threadIds[2 * at + 1] = cold.threadIds[2 * i + 1]!;
    for (let byte = 0; byte < 20; byte++) this.guids[20 * at + byte] = cold.guids[20 * i + byte]!;
  }

  #setHot(at: number, hot: HotRows, i: number): void {
    this.modseqs[at] = hot.modseqs[i]!;
    this.systemFlags[at] = hot.flags[i]!;
    this.lastUpdated[at] = hot.lastUpdated[i]!;
    for (let word = 0; word < 4; word++) this.keywordBits[4 * at + word] = hot.keywords?.[4 * i + word] ?? 0;
  }

  append(hot: HotRows, cold: ColdRows): void {
    this.#reserve(this.count + hot.uids.length);
    if (this.count === 0 || hot.uids[0]! > this.uids[this.count - 1]!) {
      this.#appendAll(hot, cold);
      return;
    }
    for (let i = 0; i < hot.uids.length; i++) {
      const uid = hot.uids[i]!;
      const at = this.lowerBound(uid);
      if (at === this.count || this.uids[at] !== uid) {
        // Replication may bring a lower UID than the last one.
        if (at < this.count) {
          this.#ownUids();
          for (const [column, width] of this.#columns()) {
            column.copyWithin(width * (at + 1), width * at, width * this.count);
          }
        }
        this.count++;
        this.uids[at] = uid;
      }
      this.internalDates[at] = cold.internalDates[i]!;
      this.#setHot(at, hot, i);
      this.#setCold(at, cold, i);
    }
  }

  /** All behind what is there; `hot.uids` ascend. */
  #appendAll(hot: HotRows, cold: ColdRows): void {
    const at = this.count;
    const end = at + hot.uids.length;
    this.uids.set(hot.uids, at);
    this.modseqs.set(hot.modseqs, at);
    this.systemFlags.set(hot.flags, at);
    if (hot.keywords === undefined) this.keywordBits.fill(0, 4 * at, 4 * end);
    else this.keywordBits.set(hot.keywords, 4 * at);
    this.lastUpdated.set(hot.lastUpdated, at);
    this.internalDates.set(cold.internalDates, at);
    this.saveDates.set(cold.saveDates, at);
    this.sizes.set(cold.sizes, at);
    this.createdModseqs.set(cold.createdModseqs, at);
    this.bodyIds.set(cold.bodyIds, at);
    this.threadIds.set(cold.threadIds, 2 * at);
    this.guids.set(cold.guids, 20 * at);
    this.count = end;
  }

  change(hot: HotRows): void {
    let next = 0;
    for (let i = 0; i < hot.uids.length; i++) {
      const uid = hot.uids[i]!;
      // Neighbours change together most of the time.
      const at = next < this.count && this.uids[next] === uid ? next : this.indexOf(uid);
      if (at < 0) continue;
      this.#setHot(at, hot, i);
      next = at + 1;
    }
  }

  /** Takes records out; `uids` ascend. */
  remove(uids: Uint32Array): void {
    /** Runs of records that stay behind the first that goes: first index, index behind the last. */
    const runs: number[] = [];
    let first = -1;
    let next = 0;
    let gone = 0;
    for (let i = 0; i < uids.length; i++) {
      const uid = uids[i]!;
      // Neighbours go together most of the time.
      const index = next < this.count && this.uids[next] === uid ? next : this.indexOf(uid);
      if (index < 0) continue;
      if (first < 0) first = index;
      else if (index > next) runs.push(next, index);
      next = index + 1;
      gone++;
    }
    if (gone === 0) return;
    if (next < this.count) runs.push(next, this.count);
    this.#ownUids();
    for (const [column, width] of this.#columns()) closeGaps(column, width, first, runs);
    this.count -= gone;
  }
}

function closeGaps(
  column: Uint8Array | Uint32Array | Float64Array,
  width: number,
  first: number,
  runs: readonly number[],
): void {
  let to = width * first;
  for (let i = 0; i < runs.length; i += 2) {
    const from = width * runs[i]!;
    const end = width * runs[i + 1]!;
    if (end - from > SHORT_RUN) {
      column.copyWithin(to, from, end);
      to += end - from;
    } else for (let at = from; at < end; at++) column[to++] = column[at]!;
  }
}

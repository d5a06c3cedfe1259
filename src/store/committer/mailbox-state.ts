/**
 * A mailbox as the committer changes it: header values and the chunks it has touched, with everything that commits
 * keep in step (counters, sync CRCs, what to tell the session thread). All changes are in memory until `flush`.
 */
import { assert } from "../../base/assert.ts";
import { StoreError } from "../errors.ts";
import { MAX_KEYWORDS, SystemFlag, type MailboxId } from "../model.ts";
import { packNumbers } from "../mailbox-row.ts";
import type { CommitDelta, HeaderNumbers, HeaderStatics } from "../operations.ts";
import { rowKey } from "../schema.ts";
import {
  headChange,
  headCrc,
  keywordCrc,
  pseudoAnnotationsCrc,
  recordCrc,
  systemFlagsCrc,
} from "../sync-crc.ts";
import { Chunk, CHUNK_BITS, ColdColumns, threadIdText } from "./chunk.ts";
import { packCold, packHot, sortedUids } from "./delta-rows.ts";
import type { WriteIndex } from "./write-index.ts";

export interface NewRecord {
  readonly uid: number;
  readonly modseq: number;
  readonly createdModseq: number;
  readonly lastUpdated: number;
  readonly internalDate: number;
  readonly saveDate: number;
  readonly sizeBytes: number;
  readonly systemFlags: number;
  readonly keywordBits: Uint32Array | undefined;
  readonly guid: Uint8Array;
  /** Where in `guid` the 20 bytes are. */
  readonly guidAt: number;
  readonly bodyId: number;
  readonly threadHigh: number;
  readonly threadLow: number;
}

const LIVE_FLAGS = 0xff & ~SystemFlag.expunged;
/** No control characters, blanks or IMAP specials: RFC 9051 §9 atom. */
const KEYWORD = /^[^\x00-\x20\x7f-\uffff(){%*"\\\]]{1,255}$/;

export class MailboxState {
  readonly id: MailboxId;
  statics: HeaderStatics;
  readonly numbers: HeaderNumbers;
  readonly #index: WriteIndex;
  readonly #chunks = new Map<number, Chunk | undefined>();
  #allLoaded = false;
  #keywordBits: Map<string, number> | undefined;
  #keywordCrcs: Int32Array | undefined;

  isDirty = false;
  isDeleted = false;
  staticsChanged = false;
  nameOrAclChanged = false;
  reload = false;
  bySession = 0;
  appended: number[] = [];
  changed: number[] = [];
  expunged: number[] = [];
  touched: number[] = [];
  readonly #dirtyChunks = new Set<Chunk>();

  constructor(index: WriteIndex, statics: HeaderStatics, numbers: HeaderNumbers) {
    this.#index = index;
    this.id = statics.id;
    this.statics = statics;
    this.numbers = numbers;
  }

  get loadedChunks(): number {
    return this.#chunks.size;
  }

  setStatics(change: Partial<HeaderStatics>): void {
    this.statics = { ...this.statics, ...change };
    this.staticsChanged = true;
    this.isDirty = true;
    if (change.keywords !== undefined) this.#keywordBits = this.#keywordCrcs = undefined;
  }

  nextModseq(): number {
    this.isDirty = true;
    return ++this.numbers.highestModseq;
  }

  // Chunks.

  chunk(number: number): Chunk | undefined {
    const known = this.#chunks.get(number);
    if (known !== undefined || this.#allLoaded || this.#chunks.has(number)) return known;
    const row = this.#index.hotChunk(rowKey(this.id, number));
    const chunk =
      row === undefined ? undefined : Chunk.decode(number, row.bytes, row.live + row.dead, row.live);
    this.#chunks.set(number, chunk);
    return chunk;
  }

  /** All chunks, ascending. */
  chunks(): Chunk[] {
    if (!this.#allLoaded) {
      for (const row of this.#index.hotChunks(this.id)) {
        const number = row.key - rowKey(this.id, 0);
        if (this.#chunks.get(number) !== undefined) continue;
        this.#chunks.set(number, Chunk.decode(number, row.bytes, row.live + row.dead, row.live));
      }
      this.#allLoaded = true;
    }
    const all: Chunk[] = [];
    for (const chunk of this.#chunks.values()) if (chunk !== undefined) all.push(chunk);
    return all.sort((a, b) => a.number - b.number);
  }

  coldOf(chunk: Chunk): ColdColumns {
    if (chunk.cold === undefined) {
      const bytes = this.#index.coldChunk(rowKey(this.id, chunk.number));
      assert(bytes !== undefined, `mailbox ${this.id}: chunk ${chunk.number} has no cold columns`);
      chunk.cold = ColdColumns.decode(bytes, chunk.count);
    }
    return chunk.cold;
  }

  /** The chunk and index of a UID; undefined when there is no record, live or expunged. */
  find(uid: number): { chunk: Chunk; index: number } | undefined {
    const chunk = this.chunk(uid >>> CHUNK_BITS);
    const index = chunk?.indexOf(uid) ?? -1;
    return chunk === undefined || index < 0 ? undefined : { chunk, index };
  }

  /** Calls `visit` for every UID that has a live record, in the order given. */
  eachLive(uids: Uint32Array, visit: (chunk: Chunk, index: number, uid: number) => void): void {
    let chunk: Chunk | undefined;
    for (let i = 0; i < uids.length; i++) {
      const uid = uids[i]!;
      const number = uid >>> CHUNK_BITS;
      if (chunk === undefined || chunk.number !== number) chunk = this.chunk(number);
      if (chunk === undefined) continue;
      const index = chunk.indexOf(uid);
      if (index >= 0 && !(chunk.flags[index]! & SystemFlag.expunged)) visit(chunk, index, uid);
    }
  }

  eachLiveOfAll(visit: (chunk: Chunk, index: number, uid: number) => void): void {
    for (const chunk of this.chunks()) {
      for (let i = 0; i < chunk.count; i++) {
        if (!(chunk.flags[i]! & SystemFlag.expunged)) visit(chunk, i, chunk.uids[i]!);
      }
    }
  }

  // Keywords.

  /** Bits of the keywords, giving new ones a place. @throws StoreError keyword_invalid, keyword_limit */
  keywordBits(keywords: readonly string[], create: boolean): Uint32Array | undefined {
    if (keywords.length === 0) return undefined;
    this.#keywordBits ??= new Map(this.statics.keywords.map((keyword, bit) => [keyword.toLowerCase(), bit]));
    const bits = new Uint32Array(4);
    const added: string[] = [];
    for (const keyword of keywords) {
      let bit = this.#keywordBits.get(keyword.toLowerCase());
      if (bit === undefined) {
        if (!create) continue;
        if (!KEYWORD.test(keyword))
          throw new StoreError("keyword_invalid", `${JSON.stringify(keyword)} is no keyword`);
        const again = added.findIndex((other) => other.toLowerCase() === keyword.toLowerCase());
        bit = this.statics.keywords.length + (again < 0 ? added.length : again);
        if (bit >= MAX_KEYWORDS) {
          throw new StoreError("keyword_limit", `${this.statics.name} has ${MAX_KEYWORDS} keywords already`);
        }
        if (again < 0) added.push(keyword);
      }
      bits[bit >>> 5]! |= 1 << (bit & 31);
    }
    if (added.length > 0) this.setStatics({ keywords: [...this.statics.keywords, ...added] });
    return bits;
  }

  keywordsOf(chunk: Chunk, index: number): string[] {
    const words = chunk.keywords;
    if (words === undefined) return [];
    return this.statics.keywords.filter((_, bit) => (words[4 * index + (bit >>> 5)]! >>> (bit & 31)) & 1);
  }

  #flagsCrc(flags: number, words: Uint32Array | undefined, at: number): number {
    let crc = systemFlagsCrc(flags);
    if (words === undefined || (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) === 0)
      return crc;
    this.#keywordCrcs ??= Int32Array.from(this.statics.keywords, keywordCrc);
    for (let word = 0; word < 4; word++) {
      for (let rest = words[at + word]!, bit = 32 * word; rest !== 0; rest >>>= 1, bit++) {
        if (rest & 1) crc ^= this.#keywordCrcs[bit]!;
      }
    }
    return crc;
  }

  // Records.

  #countIn(flags: number, size: number, by: 1 | -1): void {
    const { numbers } = this;
    numbers.exists += by;
    numbers.sizeBytes += by * size;
    if (!(flags & SystemFlag.seen)) numbers.unseen += by;
    if (flags & SystemFlag.deleted) numbers.flaggedDeleted += by;
  }

  /** Everything a live record puts into the two CRCs, its own annotations apart. */
  #toggleCrcs(chunk: Chunk, index: number, cold: ColdColumns): void {
    const { numbers } = this;
    const uid = chunk.uids[index]!;
    const flags = this.#flagsCrc(chunk.flags[index]!, chunk.keywords, 4 * index);
    numbers.syncCrc =
      (numbers.syncCrc ^
        recordCrc(
          uid,
          chunk.modseqs[index]!,
          chunk.lastUpdated[index]!,
          flags,
          chunk.internalDates[index]!,
          cold.guids,
          20 * index,
        )) >>>
      0;
    const thread = threadIdText(cold.threadIds[2 * index]!, cold.threadIds[2 * index + 1]!);
    numbers.syncCrcAnnot =
      (numbers.syncCrcAnnot ^
        pseudoAnnotationsCrc(uid, cold.saveDates[index]!, cold.createdModseqs[index]!, thread)) >>>
      0;
  }

  xorAnnotationCrc(crc: number): void {
    this.numbers.syncCrcAnnot = (this.numbers.syncCrcAnnot ^ crc) >>> 0;
  }

  add(record: NewRecord): void {
    const { uid } = record;
    const number = uid >>> CHUNK_BITS;
    let chunk = this.chunk(number);
    if (chunk === undefined) {
      chunk = new Chunk(number);
      chunk.cold = ColdColumns.empty();
      this.#chunks.set(number, chunk);
    }
    const cold = this.coldOf(chunk);
    const index = chunk.insert(uid, cold);
    chunk.modseqs[index] = record.modseq;
    chunk.internalDates[index] = record.internalDate;
    chunk.lastUpdated[index] = record.lastUpdated;
    chunk.flags[index] = record.systemFlags;
    const bits = record.keywordBits;
    if (bits !== undefined && (bits[0]! | bits[1]! | bits[2]! | bits[3]!) !== 0) {
      chunk.makeKeywords().set(bits, 4 * index);
    }
    cold.createdModseqs[index] = record.createdModseq;
    cold.threadIds[2 * index] = record.threadHigh;
    cold.threadIds[2 * index + 1] = record.threadLow;
    cold.bodyIds[index] = record.bodyId;
    cold.saveDates[index] = record.saveDate;
    cold.sizes[index] = record.sizeBytes;
    for (let i = 0; i < 20; i++) cold.guids[20 * index + i] = record.guid[record.guidAt + i]!;
    this.#markDirty(chunk, true);
    if (record.systemFlags & SystemFlag.expunged) {
      chunk.live--;
      this.expunged.push(uid);
    } else {
      this.#countIn(record.systemFlags, record.sizeBytes, 1);
      this.#toggleCrcs(chunk, index, cold);
      this.appended.push(uid);
    }
  }

  /** Gives a live record new flags, keywords and modseq. `words` = 4 words at `wordsAt`; undefined = none. */
  change(
    chunk: Chunk,
    index: number,
    flags: number,
    words: Uint32Array | undefined,
    modseq: number,
    lastUpdated: number,
  ): void {
    const { numbers } = this;
    const uid = chunk.uids[index]!;
    const old = chunk.flags[index]!;
    const oldHead = headCrc(
      uid,
      chunk.modseqs[index]!,
      chunk.lastUpdated[index]!,
      this.#flagsCrc(old, chunk.keywords, 4 * index),
    );
    if ((old ^ flags) & SystemFlag.seen) numbers.unseen += flags & SystemFlag.seen ? -1 : 1;
    if ((old ^ flags) & SystemFlag.deleted) numbers.flaggedDeleted += flags & SystemFlag.deleted ? 1 : -1;
    chunk.flags[index] = flags;
    chunk.modseqs[index] = modseq;
    chunk.lastUpdated[index] = lastUpdated;
    if (words !== undefined) {
      if (chunk.keywords !== undefined || (words[0]! | words[1]! | words[2]! | words[3]!) !== 0) {
        chunk.makeKeywords().set(words, 4 * index);
      }
    } else if (chunk.keywords !== undefined) {
      chunk.keywords.fill(0, 4 * index, 4 * index + 4);
    }
    const newHead = headCrc(uid, modseq, lastUpdated, this.#flagsCrc(flags, chunk.keywords, 4 * index));
    numbers.syncCrc = (numbers.syncCrc ^ headChange(oldHead, newHead, chunk.internalDates[index]!)) >>> 0;
    this.#markDirty(chunk, false);
    this.changed.push(uid);
  }

  /** Makes a live record a tombstone. The caller sees to its annotations and the quota. */
  expunge(chunk: Chunk, index: number, modseq: number, lastUpdated: number): number {
    const cold = this.coldOf(chunk);
    this.#toggleCrcs(chunk, index, cold);
    this.#countIn(chunk.flags[index]!, cold.sizes[index]!, -1);
    chunk.flags[index]! |= SystemFlag.expunged;
    chunk.modseqs[index] = modseq;
    chunk.lastUpdated[index] = lastUpdated;
    chunk.live--;
    this.#markDirty(chunk, false);
    this.expunged.push(chunk.uids[index]!);
    return cold.sizes[index]!;
  }

  /** Takes a tombstone out for good; the floor rises to its modseq. Returns its body. */
  forget(chunk: Chunk, index: number): number {
    const cold = this.coldOf(chunk);
    assert(chunk.flags[index]! & SystemFlag.expunged, "only tombstones expire");
    const bodyId = cold.bodyIds[index]!;
    this.numbers.deletedModseq = Math.max(this.numbers.deletedModseq, chunk.modseqs[index]!);
    chunk.remove(index, cold);
    this.#markDirty(chunk, true);
    this.reload = true;
    return bodyId;
  }

  /** Sets values of replication on a record that is there (alive or a tombstone), `lastUpdated` included. */
  replaceHot(
    chunk: Chunk,
    index: number,
    values: {
      flags: number;
      words: Uint32Array | undefined;
      modseq: number;
      lastUpdated: number;
      internalDate: number;
    },
  ): void {
    const cold = this.coldOf(chunk);
    const wasLive = !(chunk.flags[index]! & SystemFlag.expunged);
    const isLive = !(values.flags & SystemFlag.expunged);
    assert(wasLive || !isLive, "replication does not bring a tombstone back");
    if (wasLive) {
      this.#toggleCrcs(chunk, index, cold);
      this.#countIn(chunk.flags[index]!, cold.sizes[index]!, -1);
    }
    chunk.flags[index] = values.flags;
    chunk.modseqs[index] = values.modseq;
    chunk.lastUpdated[index] = values.lastUpdated;
    if (chunk.internalDates[index] !== values.internalDate) this.reload = true;
    chunk.internalDates[index] = values.internalDate;
    if (values.words !== undefined) chunk.makeKeywords().set(values.words, 4 * index);
    else chunk.keywords?.fill(0, 4 * index, 4 * index + 4);
    const uid = chunk.uids[index]!;
    if (isLive) {
      this.#toggleCrcs(chunk, index, cold);
      this.#countIn(values.flags, cold.sizes[index]!, 1);
      this.changed.push(uid);
    } else if (wasLive) {
      chunk.live--;
      this.expunged.push(uid);
    }
    this.#markDirty(chunk, false);
  }

  /** Marks a record's cold columns changed by replication (save date, thread id, created modseq). */
  replaceCold(
    chunk: Chunk,
    index: number,
    values: { saveDate: number; createdModseq: number; threadHigh: number; threadLow: number },
  ): void {
    const cold = this.coldOf(chunk);
    const same =
      cold.saveDates[index] === values.saveDate &&
      cold.createdModseqs[index] === values.createdModseq &&
      cold.threadIds[2 * index] === values.threadHigh &&
      cold.threadIds[2 * index + 1] === values.threadLow;
    if (same) return;
    const isLive = !(chunk.flags[index]! & SystemFlag.expunged);
    if (isLive) this.#toggleCrcs(chunk, index, cold);
    cold.saveDates[index] = values.saveDate;
    cold.createdModseqs[index] = values.createdModseq;
    cold.threadIds[2 * index] = values.threadHigh;
    cold.threadIds[2 * index + 1] = values.threadLow;
    if (isLive) this.#toggleCrcs(chunk, index, cold);
    this.#markDirty(chunk, true);
    this.reload = true;
  }

  #markDirty(chunk: Chunk, coldToo: boolean): void {
    chunk.hotDirty = true;
    if (coldToo) chunk.coldDirty = true;
    this.#dirtyChunks.add(chunk);
    this.isDirty = true;
  }

  /** Its bodies were put elsewhere. */
  markCold(chunk: Chunk): void {
    this.#markDirty(chunk, true);
  }

  /** Writes what changed into the open transaction. */
  flush(commit: number): void {
    if (this.isDeleted) return;
    this.numbers.commit = commit;
    const index = this.#index;
    for (const chunk of this.#dirtyChunks) {
      const key = rowKey(this.id, chunk.number);
      if (chunk.count === 0) {
        index.removeChunk(key);
        this.#chunks.set(chunk.number, undefined);
      } else {
        if (chunk.hotDirty) index.putHot(key, chunk.live, chunk.count - chunk.live, chunk.encodeHot());
        if (chunk.coldDirty) index.putCold(key, this.coldOf(chunk).encode(chunk.count));
      }
      chunk.hotDirty = chunk.coldDirty = false;
    }
    this.#dirtyChunks.clear();
    if (this.staticsChanged) index.updateStatics(this.id, this.statics);
    index.updateNumbers(this.id, packNumbers(this.numbers));
  }

  /** What the session thread must know; clears it. */
  takeDelta(): CommitDelta {
    const live = (uid: number) => {
      const found = this.find(uid);
      return found !== undefined && !(found.chunk.flags[found.index]! & SystemFlag.expunged);
    };
    const appended = sortedUids(this.expunged.length > 0 ? this.appended.filter(live) : this.appended);
    let changed = sortedUids(this.expunged.length > 0 ? this.changed.filter(live) : this.changed);
    if (appended.length > 0 && changed.length > 0) {
      const fresh = new Set(appended);
      changed = changed.filter((uid) => !fresh.has(uid));
    }
    const gone = sortedUids(this.expunged);
    const delta: CommitDelta = {
      id: this.id,
      numbers: packNumbers(this.numbers),
      statics: this.staticsChanged ? this.statics : undefined,
      deleted: this.isDeleted,
      nameOrAclChanged: this.nameOrAclChanged,
      bySession: this.bySession,
      appended:
        appended.length === 0 ? undefined : { hot: packHot(this, appended), cold: packCold(this, appended) },
      changed: changed.length === 0 ? undefined : packHot(this, changed),
      expunged:
        gone.length === 0
          ? undefined
          : {
              uids: gone,
              modseqs: Float64Array.from(gone, (uid) => {
                const found = this.find(uid);
                return found === undefined ? this.numbers.highestModseq : found.chunk.modseqs[found.index]!;
              }),
            },
      touched: this.touched.length === 0 ? undefined : sortedUids(this.touched),
      reload: this.reload,
    };
    this.isDirty = this.staticsChanged = this.nameOrAclChanged = this.reload = false;
    this.appended = [];
    this.changed = [];
    this.expunged = [];
    this.touched = [];
    this.bySession = 0;
    return delta;
  }
}

/** What clients may set: everything but the tombstone bit. */
export function clientFlags(flags: number): number {
  return flags & LIVE_FLAGS & 0x3f;
}

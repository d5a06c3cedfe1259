/**
 * A mailbox as the committer changes it: header values and the chunks it has touched, with everything that commits
 * keep in step (counters, sync CRCs, what to tell the session thread). All changes are in memory until `flush`.
 */
import { assert } from "../../base/assert.ts";
import { SystemFlag, type MailboxId } from "../model.ts";
import { packNumbers } from "../mailbox-row.ts";
import type { HeaderNumbers, HeaderStatics } from "../header-values.ts";
import type { CommitDelta } from "../operations.ts";
import {
  EMPTY_ANNOT_CRC,
  headChange,
  headCrc,
  pseudoAnnotationsCrc,
  recordCrc,
  systemFlagsCrc,
} from "../sync-crc.ts";
import { ChunkCache } from "./chunk-cache.ts";
import { CHUNK_BITS, threadIdText, type Chunk, type ColdColumns } from "./chunk.ts";
import { packDelta } from "./delta-rows.ts";
import { KeywordTable } from "./keyword-table.ts";
import type { NewRecord } from "./new-record.ts";
import type { WriteIndex } from "./write-index.ts";

export class MailboxState {
  readonly id: MailboxId;
  statics: HeaderStatics;
  readonly numbers: HeaderNumbers;
  readonly #index: WriteIndex;
  readonly #chunks: ChunkCache;
  #keywords: KeywordTable;

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

  constructor(index: WriteIndex, statics: HeaderStatics, numbers: HeaderNumbers) {
    this.#index = index;
    this.id = statics.id;
    this.statics = statics;
    this.numbers = numbers;
    this.#chunks = new ChunkCache(index, this.id);
    this.#keywords = new KeywordTable(statics.keywords);
  }

  get loadedChunks(): number {
    return this.#chunks.count;
  }

  setStatics(change: Partial<HeaderStatics>): void {
    this.statics = { ...this.statics, ...change };
    this.staticsChanged = true;
    this.isDirty = true;
    if (change.keywords !== undefined) this.#keywords = new KeywordTable(change.keywords);
  }

  nextModseq(): number {
    this.isDirty = true;
    return ++this.numbers.highestModseq;
  }

  // Chunks.

  chunk(number: number): Chunk | undefined {
    return this.#chunks.find(number);
  }

  /** All chunks, ascending. */
  chunks(): Chunk[] {
    return this.#chunks.all();
  }

  coldOf(chunk: Chunk): ColdColumns {
    return this.#chunks.coldOf(chunk);
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
    const { bits, added } = this.#keywords.bitsOf(keywords, create, this.statics.name);
    if (added.length > 0) this.setStatics({ keywords: [...this.statics.keywords, ...added] });
    return bits;
  }

  keywordsOf(chunk: Chunk, index: number): string[] {
    return this.#keywords.namesOf(chunk.keywords, 4 * index);
  }

  #flagsCrc(flags: number, words: Uint32Array | undefined, at: number): number {
    return systemFlagsCrc(flags) ^ this.#keywords.crcOf(words, at);
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
    const chunk = this.chunk(number) ?? this.#chunks.add(number);
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
      "old",
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
    const newFlags = this.#flagsCrc(flags, chunk.keywords, 4 * index);
    const newHead = headCrc(uid, modseq, lastUpdated, newFlags, "new");
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
    this.#chunks.markDirty(chunk, coldToo);
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
    this.#chunks.flush();
    if (this.staticsChanged) this.#index.updateStatics(this.id, this.statics);
    this.#index.updateNumbers(this.id, packNumbers(this.numbers));
  }

  /** What the session thread must know; clears it. */
  takeDelta(): CommitDelta {
    const delta = packDelta(this);
    this.isDirty = this.staticsChanged = this.nameOrAclChanged = this.reload = false;
    this.appended = [];
    this.changed = [];
    this.expunged = [];
    this.touched = [];
    this.bySession = 0;
    return delta;
  }

  // Repair.

  /** Gives up a chunk that cannot be read, with its records. */
  dropChunk(number: number): void {
    this.#chunks.drop(number);
    this.isDirty = this.reload = true;
  }

  /** The body of a record is gone for good. */
  loseBody(uid: number): void {
    const found = this.find(uid);
    if (found === undefined) return;
    this.coldOf(found.chunk).bodyIds[found.index] = 0;
    this.#markDirty(found.chunk, true);
  }

  /** Counters and both CRCs anew, those of annotations apart. */
  recount(): void {
    const { numbers } = this;
    numbers.exists = numbers.sizeBytes = numbers.unseen = numbers.flaggedDeleted = 0;
    numbers.syncCrc = 0;
    numbers.syncCrcAnnot = EMPTY_ANNOT_CRC;
    for (const chunk of this.chunks()) {
      const cold = this.coldOf(chunk);
      chunk.live = 0;
      for (let i = 0; i < chunk.count; i++) {
        numbers.lastUid = Math.max(numbers.lastUid, chunk.uids[i]!);
        numbers.highestModseq = Math.max(numbers.highestModseq, chunk.modseqs[i]!);
        if (chunk.flags[i]! & SystemFlag.expunged) continue;
        chunk.live++;
        this.#countIn(chunk.flags[i]!, cold.sizes[i]!, 1);
        this.#toggleCrcs(chunk, i, cold);
      }
      this.#markDirty(chunk, false);
    }
    this.reload = true;
  }
}

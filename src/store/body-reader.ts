/**
 * Bodies and summaries back to sessions. Bodies that lie near each other on disk are read together, and while one group
 * is sent, the next is read: two groups in memory at most.
 */
import type { Uid } from "../base/numbers.ts";
import { decodeSummary } from "../mime/summary-codec.ts";
import type { MessageSummary } from "../mime/summary.ts";
import type { BodyFiles } from "../base/io/body-files.ts";
import { Lru } from "../base/lru.ts";
import { diskError } from "./committer/disk-error.ts";
import { StoreError } from "./errors.ts";
import type { MailboxId } from "./model.ts";
import type { ReadIndex } from "./read-index.ts";
import type { RecordReader } from "./record-reader.ts";
import { rowKey } from "./schema.ts";
import {
  BODY_HEADER_BYTES,
  decodeHeader,
  placeOf,
  segmentPath,
  storedBytes,
  unpackBodyLater,
  type BodyPlace,
} from "./segment-record.ts";
import { SegmentFiles } from "./segment-files.ts";
import { readSummaryRows } from "./summary-rows.ts";
import type { Views } from "./views.ts";

/** A group of messages that is read ahead. */
const GROUP_MESSAGES = 64;
const GROUP_BYTES = 4 * 2 ** 20;
/** One read of neighbours. */
const MAX_READ_BYTES = 2 ** 20;
/** Bytes between neighbours that are read and thrown away rather than read around. */
const MAX_GAP_BYTES = 16_384;
/** Bodies read one by one that stay in memory: a client reads a message in several steps, several clients the same. */
const CACHED_BYTES = 32 * 2 ** 20;
const MAX_CACHED_BODIES = 16_384;
/** Larger ones would push out too many others. */
const MAX_CACHED_BODY_BYTES = 128 * 1024;
/** Rows of summaries fetched at a time. */
const SUMMARY_ROWS = 256;
/** UIDs of a dense range: so many numbers a message asked for, at most. */
const DENSE_SPAN = 4;

interface Place extends BodyPlace {
  readonly uid: Uid;
  readonly guid: Buffer;
}

type Read = { readonly uid: Uid; readonly bytes: Buffer };
/** What is wrong with one message is told when its turn comes: those before it are there. */
type Outcome = Read | { readonly uid: Uid; readonly error: unknown };

export class BodyReader {
  readonly #index: ReadIndex;
  readonly #views: Views;
  readonly #records: RecordReader;
  readonly #segments: SegmentFiles;
  /** By body id, which is never used twice. */
  readonly #cache = new Lru<number, Buffer>({
    maxEntries: MAX_CACHED_BODIES,
    maxSize: CACHED_BYTES,
    sizeOf: (bytes) => bytes.length,
  });

  constructor(options: {
    folder: string;
    index: ReadIndex;
    views: Views;
    records: RecordReader;
    files: BodyFiles;
  }) {
    this.#index = options.index;
    this.#views = options.views;
    this.#records = options.records;
    this.#segments = new SegmentFiles(options.files, (partition, segment) =>
      segmentPath(options.folder, partition, segment),
    );
  }

  #bodyId(id: MailboxId, uid: Uid): number | undefined {
    const view = this.#views.peek(id);
    const index = view?.indexOf(uid) ?? -1;
    return view !== undefined && index >= 0 ? view.bodyId(index) : this.#records.bodyId(id, uid);
  }

  /** The same for many; good until this thread does something else. */
  #bodyIdFinder(id: MailboxId): (uid: Uid) => number | undefined {
    const view = this.#views.peek(id);
    const inIndex = this.#records.bodyIdFinder(id);
    return (uid) => {
      const index = view?.indexOf(uid) ?? -1;
      return view !== undefined && index >= 0 ? view.bodyId(index) : inIndex(uid);
    };
  }

  #place(id: MailboxId, uid: Uid): Place | undefined {
    const bodyId = this.#bodyId(id, uid);
    return bodyId === undefined ? undefined : this.#placeOfBody(bodyId, uid);
  }

  #placeOfBody(bodyId: number, uid: Uid): Place | undefined {
    const row = this.#index
      .sql("SELECT guid, partition, segment, offset, length, packed FROM bodies WHERE id = ?")
      .get(bodyId);
    return row === undefined ? undefined : { uid, ...(row as Omit<Place, "uid">) };
  }

  async readBody(id: MailboxId, uid: Uid, range?: { offset: number; length: number }): Promise<Buffer> {
    const bodyId = this.#bodyId(id, uid);
    const cached = bodyId === undefined ? undefined : this.#cache.get(bodyId);
    if (cached !== undefined) {
      return range === undefined ? cached : cached.subarray(range.offset, range.offset + range.length);
    }
    const place = bodyId === undefined ? undefined : this.#placeOfBody(bodyId, uid);
    if (bodyId === undefined || place === undefined) {
      throw new StoreError("message_not_found", `message ${uid} is not there`);
    }
    const bytes = await this.#readPlace(id, place, range);
    if (bytes.length === place.length && bytes.length <= MAX_CACHED_BODY_BYTES)
      this.#cache.set(bodyId, bytes);
    return bytes;
  }

  async #readPlace(
    id: MailboxId,
    place: Place,
    range: { offset: number; length: number } | undefined,
  ): Promise<Buffer> {
    const { uid } = place;
    const from = Math.min(range?.offset ?? 0, place.length);
    const length = Math.min(range?.length ?? place.length, place.length - from);
    if (length === 0) return Buffer.alloc(0);
    try {
      return await this.#readRange(place, from, length);
    } catch (error) {
      // Compaction or the archive may have taken it since the row was read.
      const moved = this.#place(id, uid);
      if (moved === undefined || moved.segment === place.segment) throw diskError(error) ?? error;
      return await this.#readRange(moved, from, length);
    }
  }

  async #readRange(place: Place, from: number, length: number): Promise<Buffer> {
    const { segment, packed, offset } = place;
    if (packed === 0 && length < place.length) {
      return await this.#read(place.partition, segment, offset + BODY_HEADER_BYTES + from, length);
    }
    const block = await this.#read(placeOf(place), segment, offset, BODY_HEADER_BYTES + storedBytes(place));
    const bytes = await bodyIn(block, 0, place);
    return length === bytes.length ? bytes : bytes.subarray(from, from + length);
  }

  async #read(partition: string, segment: number, offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length);
    const read = await this.#segments.read(partition, segment, bytes, offset);
    if (read !== length)
      throw new StoreError("disk_failed", `segment ${segment} ends before ${offset + length}`);
    return bytes;
  }

  async *readBodies(id: MailboxId, uids: readonly Uid[]): AsyncGenerator<{ uid: Uid; bytes: Buffer }> {
    let at = 0;
    const start = (): Promise<Outcome[]> | undefined => {
      if (at >= uids.length) return undefined;
      const bodyIdOf = this.#bodyIdFinder(id);
      const group: Place[] = [];
      let bytes = 0;
      while (at < uids.length && group.length < GROUP_MESSAGES) {
        const bodyId = bodyIdOf(uids[at]!);
        const place = bodyId === undefined ? undefined : this.#placeOfBody(bodyId, uids[at]!);
        if (place !== undefined && group.length > 0 && bytes + place.length > GROUP_BYTES) break;
        at++;
        if (place === undefined) continue;
        bytes += place.length;
        group.push(place);
      }
      const reading = this.#readGroup(id, group);
      // Its failure is thrown where it is awaited, also when the caller stops before.
      reading.catch(() => {});
      return reading;
    };
    let next = start();
    while (next !== undefined) {
      const bodies = await next;
      next = start();
      for (const body of bodies) {
        if ("error" in body) throw body.error;
        yield body;
      }
    }
  }

  async #readGroup(id: MailboxId, group: readonly Place[]): Promise<Outcome[]> {
    const order = group.map((_, i) => i);
    order.sort((a, b) => group[a]!.segment - group[b]!.segment || group[a]!.offset - group[b]!.offset);
    const bodies: (Outcome | undefined)[] = Array.from({ length: group.length });
    const reads: Promise<void>[] = [];
    for (let i = 0; i < order.length;) {
      const first = group[order[i]!]!;
      const from = first.offset;
      let end = from + BODY_HEADER_BYTES + storedBytes(first);
      let last = i + 1;
      for (; last < order.length; last++) {
        const place = group[order[last]!]!;
        const placeEnd = place.offset + BODY_HEADER_BYTES + storedBytes(place);
        if (place.segment !== first.segment || place.offset > end + MAX_GAP_BYTES) break;
        if (Math.max(end, placeEnd) - from > MAX_READ_BYTES) break;
        end = Math.max(end, placeEnd);
      }
      const members = order.slice(i, last);
      reads.push(this.#readNeighbours(id, group, members, from, end, bodies));
      i = last;
    }
    await Promise.all(reads);
    return bodies.filter((body) => body !== undefined);
  }

  async #readNeighbours(
    id: MailboxId,
    group: readonly Place[],
    members: readonly number[],
    from: number,
    end: number,
    bodies: (Outcome | undefined)[],
  ): Promise<void> {
    const first = group[members[0]!]!;
    try {
      const block = await this.#read(placeOf(first), first.segment, from, end - from);
      for (const member of members) {
        const place = group[member]!;
        bodies[member] = { uid: place.uid, bytes: await bodyIn(block, place.offset - from, place) };
      }
    } catch {
      // One by one: some may have been moved or swept meanwhile, and only the bad one fails.
      for (const member of members) {
        const { uid } = group[member]!;
        try {
          bodies[member] = { uid, bytes: await this.readBody(id, uid) };
        } catch (error) {
          const isGone = error instanceof StoreError && error.code === "message_not_found";
          bodies[member] = isGone ? undefined : { uid, error };
        }
      }
    }
  }

  *readSummaries(id: MailboxId, uids: readonly Uid[]): Generator<{ uid: Uid; summary: MessageSummary }> {
    const base = rowKey(id, 0);
    for (let at = 0; at < uids.length;) {
      const end = denseEnd(uids, at);
      const rows = readSummaryRows(this.#index, base + uids[at]!, base + uids[end - 1]!);
      const bodyIdOf = this.#bodyIdFinder(id);
      // All of the run before the first is given out: the finder is good for this turn only.
      const found: { uid: Uid; bytes: Buffer }[] = [];
      for (let row = 0; at < end; at++) {
        const uid = uids[at]!;
        while (row < rows.keys.length && rows.keys[row]! < base + uid) row++;
        const here = rows.keys[row] === base + uid ? rows.bytes[row] : undefined;
        const bytes = here ?? this.#summaryOfBody(bodyIdOf(uid));
        if (bytes !== undefined) found.push({ uid, bytes });
      }
      for (const { uid, bytes } of found) yield { uid, summary: decodeSummary(bytes) };
    }
  }

  /** A copied message has the summary of the record that its body came with. */
  #summaryOfBody(bodyId: number | undefined): Buffer | undefined {
    if (bodyId === undefined) return undefined;
    const row = this.#index
      .sql("SELECT s.bytes FROM bodies b JOIN summaries s ON s.key = b.summary WHERE b.id = ?")
      .get(bodyId) as { bytes: Buffer } | undefined;
    return row?.bytes;
  }

  close(): void {
    this.#segments.close();
  }
}

/** End of the ascending run of UIDs from `at` that is worth one range query. */
function denseEnd(uids: readonly Uid[], at: number): number {
  const first = uids[at]!;
  let end = at + 1;
  while (end < uids.length && end - at < SUMMARY_ROWS) {
    const uid = uids[end]!;
    if (uid <= uids[end - 1]! || uid - first > DENSE_SPAN * (end - at + 1)) break;
    end++;
  }
  return end;
}

/** The body whose record stands at `at`, when it is that body's. @throws StoreError disk_failed */
async function bodyIn(block: Buffer, at: number, place: Place): Promise<Buffer> {
  const start = at + BODY_HEADER_BYTES;
  const stored = block.subarray(start, start + storedBytes(place));
  const header = decodeHeader(block.subarray(at, start));
  // The CRC is left to `rookery check`: it would cost a third of the whole read.
  const isWhole = header?.length === stored.length && header.guid.equals(place.guid);
  if (!isWhole) {
    const { uid, segment, offset } = place;
    throw new StoreError("disk_failed", `message ${uid} is damaged: segment ${segment} at ${offset}`);
  }
  return place.packed > 0 ? await unpackBodyLater(stored, place.length) : stored;
}

/**
 * Message bodies in append-only segment files (`segment-record.ts`), one copy per GUID and partition.
 *
 * Bodies of a batch are collected and written with one write and one sync before the index transaction commits.
 */
import { hash } from "node:crypto";
import { AssertionError } from "../../base/assert.ts";
import type { Disk, DiskFile } from "../../base/io/disk.ts";
import { Lru } from "../../base/lru.ts";
import { StoreError } from "../errors.ts";
import {
  BODY_HEADER_BYTES,
  decodeHeader,
  encodeHeader,
  placeOf,
  segmentPath,
  storedBytes,
  unpackBody,
  type RecordHeader,
} from "../segment-record.ts";
import { cutRoom, makeRoom, type Roomy } from "./segment-room.ts";
import { sweepSegments } from "./segment-sweep.ts";
import type { BodyRow, WriteIndex } from "./write-index.ts";

/** A segment is closed when it has reached this size. */
export const SEGMENT_BYTES = 256 * 1024 * 1024;
/** Segments kept open for reading back in the committer. */
const OPEN_SEGMENTS = 32;
/** Findings kept until somebody asks for them. */
const MAX_FINDINGS = 1000;

export interface StoredBody {
  readonly id: number;
  readonly guid: Buffer;
  readonly guidHex: string;
  readonly length: number;
  readonly partition: string;
}

interface PendingBody extends StoredBody {
  /** Undefined when it was on disk before this batch. */
  readonly bytes: readonly Uint8Array[] | undefined;
  row: BodyRow;
  refs: number;
}

interface ActiveSegment extends Roomy {
  readonly id: number;
  readonly partition: string;
  /** Committed bytes. */
  size: number;
  pending: Uint8Array[];
  pendingBytes: number;
  pendingLive: number;
}

export class BodyStore {
  readonly #folder: string;
  readonly #disk: Disk;
  readonly #index: WriteIndex;
  readonly #active = new Map<string, ActiveSegment>();
  readonly #readers: Lru<number, DiskFile>;
  /** Bodies new in this batch, by partition and GUID; several on a collision. */
  readonly #pending = new Map<string, PendingBody[]>();
  readonly #refChanges = new Map<number, number>();

  readonly #segmentBytes: number;
  /** Closed by this batch. */
  readonly #full: ActiveSegment[] = [];
  /** Made in this batch: their files go when it fails. */
  readonly #made: ActiveSegment[] = [];
  #findings: string[] = [];

  constructor(folder: string, disk: Disk, index: WriteIndex, segmentBytes = SEGMENT_BYTES) {
    this.#folder = folder;
    this.#disk = disk;
    this.#index = index;
    this.#segmentBytes = segmentBytes;
    this.#readers = new Lru({ maxEntries: OPEN_SEGMENTS, onEvict: (file) => file.close() });
  }

  get pendingBytes(): number {
    let total = 0;
    for (const segment of this.#active.values()) total += segment.pendingBytes;
    return total;
  }

  /** On start and after a failed batch: finds the segments that go on growing. */
  sweep(): void {
    this.#disk.makeFolder(`${this.#folder}/segments`);
    this.#disk.syncFolder(this.#folder);
    const found = (finding: string) => {
      if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding);
    };
    for (const segment of sweepSegments(this.#folder, this.#disk, this.#index, found)) {
      this.#active.set(segment.partition, { ...segment, roomBytes: segment.size, ...nothingPending() });
    }
  }

  /** What sweeping found to be wrong since the last call. */
  takeFindings(): string[] {
    const findings = this.#findings;
    this.#findings = [];
    return findings;
  }

  /**
   * Finds or adds the body made of `parts`. `summaryKey` = where its summary will be kept when it is new; `known` = its
   * digest where it was made already.
   */
  add(
    partition: string,
    parts: readonly Uint8Array[],
    summaryKey: number,
    known?: Buffer,
  ): { body: StoredBody; isNew: boolean } {
    const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    const guid = known ?? hash("sha1", whole, "buffer");
    const key = pendingKey(partition, guid);
    for (const found of this.#candidates(key, partition, guid)) {
      if (found.length === whole.length && this.#sameBytes(found, whole)) {
        found.refs++;
        return { body: found, isNew: false };
      }
    }
    const segment = this.#segmentFor(partition);
    const row: BodyRow = {
      id: this.#index.nextBodyId(),
      guid,
      partition,
      segment: segment.id,
      offset: segment.size + segment.pendingBytes,
      length: whole.length,
      summary: summaryKey,
      packed: 0,
    };
    pend(segment, encodeHeader(whole, guid), whole);
    const body: PendingBody = {
      id: row.id,
      guid,
      guidHex: guid.toString("hex"),
      length: whole.length,
      partition,
      bytes: [whole],
      row,
      refs: 1,
    };
    const others = this.#pending.get(key);
    if (others === undefined) this.#pending.set(key, [body]);
    else others.push(body);
    return { body, isNew: true };
  }

  /** A body that is there already, by GUID; undefined when it is not on the partition. Counts one reference. */
  link(partition: string, guid: Buffer): StoredBody | undefined {
    const body = this.#candidates(pendingKey(partition, guid), partition, guid)[0];
    if (body !== undefined) body.refs++;
    return body;
  }

  /** Counts references of a body by its id (copies, expiry). */
  addRefs(id: number, change: number): void {
    this.#refChanges.set(id, (this.#refChanges.get(id) ?? 0) + change);
  }

  /** The body itself. @throws StoreError disk_failed */
  readBytes(row: BodyRow): Buffer {
    const stored = this.readStored(row);
    return row.packed > 0 ? unpackBody(stored, row.length) : stored;
  }

  /** Its bytes as they stand in the segment. @throws StoreError disk_failed */
  readStored(row: BodyRow): Buffer {
    // A segment that was filled in this batch has pending bytes, too.
    for (const segment of [...this.#full, ...this.#active.values()]) {
      if (segment.id === row.segment && row.offset >= segment.size) return readPending(segment, row);
    }
    const bytes = Buffer.allocUnsafeSlow(storedBytes(row));
    const read = this.#reader(placeOf(row), row.segment).read(bytes, row.offset + BODY_HEADER_BYTES);
    if (read !== bytes.length) {
      throw new StoreError(
        "disk_failed",
        `segment ${row.segment} ends before body ${row.id} at ${row.offset}`,
      );
    }
    return bytes;
  }

  /** Header of the record at `offset` of a segment; undefined when there is none. */
  readHeader(place: string, segment: number, offset: number): RecordHeader | undefined {
    const header = Buffer.allocUnsafe(BODY_HEADER_BYTES);
    const read = this.#reader(place, segment).read(header, offset);
    return read === header.length ? decodeHeader(header) : undefined;
  }

  /** Puts a body elsewhere in this batch. Its row changes at once, the old bytes stay where they are. */
  move(row: BodyRow, place: string, stored: Buffer, packed: number): void {
    const segment = this.#segmentFor(place);
    const offset = segment.size + segment.pendingBytes;
    pend(segment, encodeHeader(stored, row.guid, packed > 0), stored);
    this.#index.moveBody(row, { segment: segment.id, offset, packed });
  }

  /** Nothing more is added to this segment after the batch. */
  seal(place: string, id: number): void {
    const segment = this.#active.get(place);
    if (segment?.id === id) {
      this.#full.push(segment);
      this.#active.delete(place);
    } else {
      // It could not be opened after the last failure.
      this.#index.closeSegment(id);
    }
  }

  /** Removes the file of a segment that nothing refers to; it may be gone already. */
  removeFile(place: string, id: number): void {
    this.#readers.delete(id);
    const path = segmentPath(this.#folder, place, id);
    if (!this.#disk.exists(path)) return;
    this.#disk.remove(path);
    // Before the row goes: a file that came back would be nobody's.
    this.#disk.syncFolder(`${this.#folder}/segments/${place}`);
  }

  #candidates(key: string, partition: string, guid: Buffer): PendingBody[] {
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    const stored = this.#index.bodiesByGuid(partition, guid).map((row) => ({
      id: row.id,
      guid: row.guid,
      guidHex: row.guid.toString("hex"),
      length: row.length,
      partition,
      bytes: undefined,
      row,
      refs: 0,
    }));
    if (stored.length > 0) this.#pending.set(key, stored);
    return stored;
  }

  #sameBytes(known: PendingBody, bytes: Uint8Array): boolean {
    if (known.bytes !== undefined) return Buffer.compare(known.bytes[0]!, bytes) === 0;
    return this.readBytes(known.row).equals(bytes);
  }

  #reader(place: string, segment: number): DiskFile {
    let file = this.#readers.get(segment);
    if (file === undefined) {
      file = this.#disk.open(segmentPath(this.#folder, place, segment), "read");
      this.#readers.set(segment, file);
    }
    return file;
  }

  #segmentFor(partition: string): ActiveSegment {
    const current = this.#active.get(partition);
    if (current !== undefined && current.size + current.pendingBytes < this.#segmentBytes) return current;
    // Bodies of this batch that go to the full segment are written when the batch is: it stays reachable by `#full`.
    if (current !== undefined) this.#full.push(current);
    const folder = `${this.#folder}/segments/${partition}`;
    this.#disk.makeFolder(folder);
    // Also when the folder was there: the sync after its making may have failed.
    this.#disk.syncFolder(`${this.#folder}/segments`);
    const id = this.#index.insertSegment(partition);
    const path = segmentPath(this.#folder, partition, id);
    // A batch that failed may have left one of the same number.
    if (this.#disk.exists(path)) this.#disk.remove(path);
    const file = this.#disk.open(path, "create");
    this.#disk.syncFolder(folder);
    const segment: ActiveSegment = { id, partition, file, size: 0, roomBytes: 0, ...nothingPending() };
    this.#active.set(partition, segment);
    this.#made.push(segment);
    return segment;
  }

  /** Writes and syncs the bodies of the batch; the index rows go into the open transaction. */
  flush(): void {
    for (const segment of [...this.#full, ...this.#active.values()]) {
      if (segment.pendingBytes === 0) continue;
      segment.file.write(segment.pending, segment.size);
      makeRoom(segment, segment.size + segment.pendingBytes, segment.pendingBytes);
      segment.file.sync();
      this.#index.growSegment(segment.id, segment.size + segment.pendingBytes, segment.pendingLive);
    }
    for (const segment of this.#full) this.#index.closeSegment(segment.id);
    for (const bodies of this.#pending.values()) {
      for (const body of bodies) {
        const refs = body.refs + this.#takeRefChange(body.id);
        if (body.bytes !== undefined) this.#index.insertBody(body.row, refs);
        else if (refs !== 0) this.#index.changeRefs(body.id, body.id, refs);
      }
    }
    this.#flushRefChanges();
  }

  #takeRefChange(id: number): number {
    const change = this.#refChanges.get(id) ?? 0;
    this.#refChanges.delete(id);
    return change;
  }

  /** Neighbours with the same change are one UPDATE: a copied folder is a few ranges. */
  #flushRefChanges(): void {
    const ids = Float64Array.from(this.#refChanges.keys()).sort();
    for (let i = 0; i < ids.length;) {
      const change = this.#refChanges.get(ids[i]!)!;
      let end = i + 1;
      while (end < ids.length && ids[end] === ids[end - 1]! + 1 && this.#refChanges.get(ids[end]!) === change)
        end++;
      this.#index.changeRefs(ids[i]!, ids[end - 1]!, change);
      i = end;
    }
  }

  /** After the commit. */
  committed(): void {
    for (const segment of this.#full) {
      cutRoom(segment, segment.size + segment.pendingBytes);
      segment.file.close();
    }
    this.#full.length = 0;
    this.#made.length = 0;
    for (const segment of this.#active.values()) {
      segment.size += segment.pendingBytes;
      Object.assign(segment, nothingPending());
    }
    this.#pending.clear();
    this.#refChanges.clear();
  }

  /** After a failed batch: forgets it and cuts what may have been written. */
  rolledBack(): void {
    for (const segment of [...this.#full, ...this.#active.values()]) segment.file.close();
    this.#full.length = 0;
    this.#active.clear();
    this.#pending.clear();
    this.#refChanges.clear();
    this.#readers.clear();
    try {
      // Only now: nothing of them was ever acknowledged.
      for (const { id, partition } of this.#made.splice(0)) {
        const path = segmentPath(this.#folder, partition, id);
        if (this.#disk.exists(path)) this.#disk.remove(path);
      }
      this.sweep();
    } catch {
      // The disk is still bad. Partitions without an active segment get a new one; the next start cuts the old.
    }
  }

  close(): void {
    for (const segment of this.#active.values()) {
      cutRoom(segment, segment.size);
      segment.file.close();
    }
    this.#active.clear();
    this.#readers.clear();
  }
}

function nothingPending(): Pick<ActiveSegment, "pending" | "pendingBytes" | "pendingLive"> {
  return { pending: [], pendingBytes: 0, pendingLive: 0 };
}

function pend(segment: ActiveSegment, header: Buffer, bytes: Uint8Array): void {
  segment.pending.push(header, bytes);
  segment.pendingBytes += header.length + bytes.length;
  segment.pendingLive += header.length + bytes.length;
}

function pendingKey(partition: string, guid: Buffer): string {
  return `${guid.toString("latin1", 0, 20)}${partition}`;
}

function readPending(segment: ActiveSegment, row: BodyRow): Buffer {
  let at = segment.size;
  for (let i = 0; i < segment.pending.length; i += 2) {
    const body = segment.pending[i + 1]!;
    if (at === row.offset) return Buffer.from(body.buffer, body.byteOffset, body.length);
    at += BODY_HEADER_BYTES + body.length;
  }
  throw new AssertionError(`body ${row.id} is not among the pending ones`);
}

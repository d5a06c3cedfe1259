/**
 * compactSegment, archiveBodies, removeSegments: bodies move to other segments in bounded steps, between deliveries.
 *
 * A body's new bytes are synced before the transaction that points to them, and its old ones stay until a later
 * transaction has marked their segment empty; only then the file goes, and its row last. So a crash anywhere leaves each
 * body in exactly one place that is whole.
 */
import { hash } from "node:crypto";
import { StoreError } from "../errors.ts";
import { ARCHIVE, BODY_HEADER_BYTES, packBody, storedBytes } from "../segment-record.ts";
import type { Batch } from "./batch.ts";
import type { Apply } from "./operation.ts";
import type { BodyRow, SegmentRow } from "./write-index.ts";

/** Headers looked at in one step. */
const STEP_HEADERS = 2_000;
/** Bodies moved in one step when a segment has to be read by its rows. */
const STEP_ROWS = 500;

/** One step; call again with `next` until `isDone`. */
export const compactSegment: Apply<"compactSegment"> = (batch, { segment: id, from, maxBytes, byRows }) => {
  const segment = batch.index.segment(id);
  if (segment === undefined || segment.active === 2) return { ...DONE, next: 0 };
  batch.changes++;
  if (segment.active === 1) {
    batch.bodies.seal(segment.partition, id);
    return { ...DONE, next: 0, isDone: false };
  }
  return byRows ? moveRows(batch, segment, from, maxBytes) : walk(batch, segment, from, maxBytes);
};

const DONE = { isDone: true, movedBytes: 0, byRows: false, isStuck: false };

/** From header to header: costs what the segment has, however big the index is. */
function walk(batch: Batch, segment: SegmentRow, from: number, maxBytes: number) {
  let at = from;
  let movedBytes = 0;
  for (let headers = 0; at < segment.size; headers++) {
    if (headers >= STEP_HEADERS || movedBytes >= maxBytes) {
      return { ...DONE, next: at, isDone: false, movedBytes };
    }
    const header = readHeader(batch, segment, at);
    const end = at + BODY_HEADER_BYTES + (header?.length ?? 0);
    if (header === undefined || end > segment.size) {
      return { ...DONE, next: 0, isDone: false, movedBytes, byRows: true };
    }
    const body = batch.index.bodyAt(segment.id, at, header.guid);
    if (body !== undefined) movedBytes += move(batch, segment, body);
    at = end;
  }
  const left = batch.index.segment(segment.id);
  // Two independent accounts must agree before anything is given up.
  if (left?.live_bytes !== 0) return { ...DONE, next: 0, isDone: false, movedBytes, byRows: true };
  markEmpty(batch, segment);
  return { ...DONE, next: at, movedBytes };
}

function readHeader(batch: Batch, segment: SegmentRow, at: number) {
  try {
    return batch.bodies.readHeader(segment.partition, segment.id, at);
  } catch {
    return undefined;
  }
}

/** A segment with a damaged header, or whose account is wrong: by the rows of the index. */
function moveRows(batch: Batch, segment: SegmentRow, from: number, maxBytes: number) {
  let movedBytes = 0;
  const rows = batch.index.bodiesOfSegment(segment.id, from, STEP_ROWS);
  for (const body of rows) {
    if (movedBytes >= maxBytes)
      return { ...DONE, next: body.offset, isDone: false, byRows: true, movedBytes };
    try {
      movedBytes += move(batch, segment, body);
    } catch (error) {
      // Its bytes are gone: it stays where it is, and so does the segment, for "rookery check".
      if (!(error instanceof StoreError)) throw error;
    }
  }
  if (rows.length === STEP_ROWS) {
    return { ...DONE, next: rows.at(-1)!.offset + 1, isDone: false, byRows: true, movedBytes };
  }
  const isStuck = batch.index.bodiesOfSegment(segment.id, 0, 1).length > 0;
  if (!isStuck) markEmpty(batch, segment);
  return { ...DONE, next: 0, byRows: true, movedBytes, isStuck };
}

function move(batch: Batch, segment: SegmentRow, body: BodyRow): number {
  batch.bodies.move(body, segment.partition, batch.bodies.readStored(body), body.packed);
  return storedBytes(body) + BODY_HEADER_BYTES;
}

function markEmpty(batch: Batch, segment: SegmentRow): void {
  batch.index.sql("UPDATE segments SET active = 2, live_bytes = 0 WHERE id = ?").run(segment.id);
}

/** Moves bodies to the archive, in zstd. Damaged ones stay and are counted; the caller bounds how many it names. */
export const archiveBodies: Apply<"archiveBodies"> = (batch, { bodies }) => {
  let moved = 0;
  let savedBytes = 0;
  let damaged = 0;
  for (const id of bodies) {
    const body = batch.index.body(id);
    if (body === undefined || body.packed > 0) continue;
    const bytes = readIntact(batch, body);
    if (bytes === undefined) {
      damaged++;
      continue;
    }
    const packed = packBody(bytes);
    batch.changes++;
    batch.bodies.move(body, ARCHIVE, packed, packed.length);
    moved++;
    savedBytes += bytes.length - packed.length;
  }
  return { moved, savedBytes, damaged };
};

function readIntact(batch: Batch, body: BodyRow): Buffer | undefined {
  try {
    const bytes = batch.bodies.readBytes(body);
    return hash("sha1", bytes, "buffer").equals(body.guid) ? bytes : undefined;
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

/** Removes the files of empty segments, then their rows. */
export const removeSegments: Apply<"removeSegments"> = (batch) => {
  const empty = batch.index.segments().filter((segment) => segment.active === 2);
  for (const { id, partition } of empty) {
    batch.changes++;
    batch.bodies.removeFile(partition, id);
    batch.index.sql("DELETE FROM segments WHERE id = ?").run(id);
  }
  return { removed: empty.length };
};

/**
 * Room behind the end of a segment: zeros, written before they are needed. A sync that changes neither the size of the
 * file nor its blocks needs no commit of the file system's journal and takes half the time (ext4: 0.14 instead of
 * 0.27 ms). Bytes behind the committed size are nobody's: the next start cuts them.
 */
import type { DiskFile } from "../../base/io/disk.ts";
import { diskError } from "./disk-error.ts";

const ROOM_BYTES = 1024 * 1024;
/** Of the thread that writes, from its first batch on. */
let zeros: Buffer | undefined;

export interface Roomy {
  readonly file: DiskFile;
  /** Up to here the file is written, with bodies or zeros. */
  roomBytes: number;
}

/**
 * Called after the last `bytes` up to `end` are written, so that it never takes the place of bodies: a full disk has no
 * room. A batch that would fill it alone leaves none behind: the next one is as large, and zeros would only be written
 * for nothing.
 */
export function makeRoom(segment: Roomy, end: number, bytes: number): void {
  if (end <= segment.roomBytes) return;
  if (bytes >= ROOM_BYTES) {
    segment.roomBytes = end;
    return;
  }
  try {
    zeros ??= Buffer.alloc(ROOM_BYTES);
    segment.file.write([zeros], end);
    segment.roomBytes = end + ROOM_BYTES;
  } catch (error) {
    if (diskError(error) === undefined) throw error;
    cutRoom(segment, end);
  }
}

/** Zeros that stay because the disk is bad harm nobody. */
export function cutRoom(segment: Roomy, end: number): void {
  segment.roomBytes = end;
  try {
    segment.file.truncate(end);
  } catch (error) {
    if (diskError(error) === undefined) throw error;
  }
}

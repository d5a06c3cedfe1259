/**
 * Room behind the end of a segment: zeros, written before they are needed. A sync that changes neither the size of the
 * file nor its blocks needs no commit of the file system's journal and takes half the time (ext4: 0.14 instead of
 * 0.27 ms). Bytes behind the committed size are nobody's: the next start cuts them.
 */
import type { DiskFile } from "../../base/io/disk.ts";
import { diskError } from "./disk-error.ts";

const ROOM = Buffer.alloc(1024 * 1024);

export interface Roomy {
  readonly file: DiskFile;
  /** Up to here the file is written, with bodies or zeros. */
  roomBytes: number;
}

/** Called after what ends at `end` is written, so that it never takes the place of bodies: a full disk has no room. */
export function makeRoom(segment: Roomy, end: number): void {
  if (end <= segment.roomBytes) return;
  try {
    segment.file.write([ROOM], end);
    segment.roomBytes = end + ROOM.length;
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

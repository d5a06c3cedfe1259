/**
 * What a start finds in the segment folders. Bytes behind the committed size were never acknowledged and are cut off;
 * files that the index does not know are put aside, never removed: after a lost index they are all there is.
 */
import type { Disk, DiskFile } from "../../base/io/disk.ts";
import { segmentPath } from "../segment-record.ts";
import type { SegmentRow, WriteIndex } from "./write-index.ts";

/** Folder inside a partition's, so that putting aside never copies. */
export const QUARANTINE = "quarantine";

export interface OpenSegment {
  readonly id: number;
  readonly partition: string;
  readonly file: DiskFile;
  readonly size: number;
}

/** Opens the segment of each partition that goes on growing; tells `found` of everything that is not as it should be. */
export function sweepSegments(
  folder: string,
  disk: Disk,
  index: WriteIndex,
  found: (finding: string) => void,
): OpenSegment[] {
  const root = `${folder}/segments`;
  const known = new Map(index.segments().map((segment) => [segment.id, segment]));
  const present = new Set<number>();
  for (const partition of disk.list(root)) {
    for (const name of namesIn(disk, `${root}/${partition}`)) {
      if (name === QUARANTINE) continue;
      const id = /^[1-9]\d{0,14}\.seg$/.test(name) ? Number.parseInt(name, 10) : 0;
      if (known.get(id)?.partition === partition) present.add(id);
      else putAside(disk, `${root}/${partition}`, name, found);
    }
  }
  const growing = new Map<string, SegmentRow>();
  for (const segment of known.values()) {
    const isLost = !present.has(segment.id) && segment.active < 2 && segment.size > 0;
    if (isLost) found(`segment ${segment.id} of ${segment.partition} is missing`);
    if (segment.active !== 1) continue;
    // One segment of a partition grows: the newest that can.
    const other = growing.get(segment.partition);
    const isUsable = present.has(segment.id) && isWhole(folder, disk, segment, found);
    if (isUsable && (other === undefined || other.id < segment.id)) {
      growing.set(segment.partition, segment);
      if (other !== undefined) index.closeSegment(other.id);
    } else {
      index.closeSegment(segment.id);
    }
  }
  return [...growing.values()].map(({ id, partition, size }) => {
    const file = disk.open(segmentPath(folder, partition, id), "append");
    if (file.size() > size) file.truncate(size);
    return { id, partition, file, size };
  });
}

function namesIn(disk: Disk, path: string): string[] {
  try {
    return disk.list(path);
  } catch (error) {
    // Something that is no folder: not ours.
    if ((error as { code?: unknown }).code === "ENOTDIR") return [];
    throw error;
  }
}

/** A segment that lost committed bytes never grows again: the gap would be filled with somebody else's. */
function isWhole(folder: string, disk: Disk, segment: SegmentRow, found: (finding: string) => void): boolean {
  const file = disk.open(segmentPath(folder, segment.partition, segment.id), "read");
  const size = file.size();
  file.close();
  if (size >= segment.size) return true;
  found(`segment ${segment.id} of ${segment.partition} ends at ${size} instead of ${segment.size}`);
  return false;
}

function putAside(disk: Disk, folder: string, name: string, found: (finding: string) => void): void {
  const path = `${folder}/${name}`;
  if (isEmpty(disk, path)) {
    disk.remove(path);
    return;
  }
  const quarantine = `${folder}/${QUARANTINE}`;
  disk.makeFolder(quarantine);
  let target = `${quarantine}/${name}`;
  for (let again = 1; disk.exists(target); again++) target = `${quarantine}/${name}.${again}`;
  disk.rename(path, target);
  found(`"${path}" is not in the index: it is now "${target}"`);
}

function isEmpty(disk: Disk, path: string): boolean {
  try {
    const file = disk.open(path, "read");
    const size = file.size();
    file.close();
    return size === 0;
  } catch {
    // A folder: it goes aside as it is.
    return false;
  }
}

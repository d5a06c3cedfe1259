/**
 * A SQLite database in WAL mode as the files it is, to cut the power between any two of its writes.
 *
 * SQLite (synchronous=FULL) writes frames to the WAL, syncs it, and only then has a commit happened; what a crash can
 * leave of a commit that was under way is any prefix of the bytes it wrote, over what the WAL held there before.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { SimRandom } from "./sim-random.ts";

export interface DatabaseFiles {
  readonly database: Buffer;
  readonly wal: Buffer;
}

export function readDatabaseFiles(path: string): DatabaseFiles {
  const wal = `${path}-wal`;
  return { database: readFileSync(path), wal: existsSync(wal) ? readFileSync(wal) : Buffer.alloc(0) };
}

/** Puts the files in place of what is there; the shared memory file is never on disk after a crash. */
export function writeDatabaseFiles(path: string, files: DatabaseFiles): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
  writeFileSync(path, files.database);
  if (files.wal.length > 0) writeFileSync(`${path}-wal`, files.wal);
}

/** What may be left when the power went off somewhere in the commits that led from `before` to `after`. */
export function cutBetween(before: DatabaseFiles, after: DatabaseFiles, random: SimRandom): DatabaseFiles {
  // A checkpoint came in between, which wrote pages of commits that were synced: only the end state is certain.
  if (!before.database.equals(after.database)) return after;
  const first = firstDifference(before.wal, after.wal);
  const cut = first + random.below(after.wal.length - first + 1);
  const wal = Buffer.concat([after.wal.subarray(0, cut), before.wal.subarray(cut)]);
  return { database: after.database, wal };
}

function firstDifference(a: Buffer, b: Buffer): number {
  const length = Math.min(a.length, b.length);
  let low = 0;
  let high = length;
  // Both start alike and differ from some byte on.
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (a.compare(b, low, middle, low, middle) === 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

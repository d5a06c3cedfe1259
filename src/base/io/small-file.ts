/** Small files that are read and replaced whole: either the old text or the new one is on disk, whatever happens. */
import { dirname } from "node:path";
import type { Disk } from "./disk.ts";

/** @throws the Node error when it cannot be read */
export function readSmallFile(disk: Disk, path: string): string {
  const file = disk.open(path, "read");
  try {
    const bytes = Buffer.alloc(file.size());
    return bytes.toString("utf8", 0, file.read(bytes, 0));
  } finally {
    file.close();
  }
}

/** Durable when it returns. @throws the Node error when it cannot be written; the old file stays */
export function replaceSmallFile(disk: Disk, path: string, text: string): void {
  const fresh = `${path}.new`;
  if (disk.exists(fresh)) disk.remove(fresh);
  const file = disk.open(fresh, "create");
  try {
    file.write([Buffer.from(text)], 0);
    file.sync();
  } finally {
    file.close();
  }
  disk.rename(fresh, path);
  disk.syncFolder(dirname(path));
}

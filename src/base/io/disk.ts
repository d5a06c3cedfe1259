/** An open file. Offsets and lengths in bytes. All calls block: only worker threads and start-up code use them. */
export interface DiskFile {
  /** Reads up to `buffer.length` bytes at `offset`; returns how many (0 = end of file). */
  read(buffer: Uint8Array, offset: number): number;
  /** Writes all buffers one after the other at `offset`; throws DiskError when it cannot. */
  write(buffers: readonly Uint8Array[], offset: number): void;
  size(): number;
  truncate(size: number): void;
  /** fdatasync: what was written before is durable when it returns. */
  sync(): void;
  close(): void;
}

/**
 * The only door to files outside SQLite. The simulation passes a disk that drops what no finished sync covers.
 * Failures are thrown as the Node error they are (`code` ENOSPC, EROFS, EIO …); the caller adds context.
 */
export interface Disk {
  /** "read" fails when missing; "append" creates it; "create" fails when it exists. */
  open(path: string, mode: "read" | "append" | "create"): DiskFile;
  exists(path: string): boolean;
  /** Names (not paths) in a folder, sorted. */
  list(path: string): string[];
  makeFolder(path: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** fsync of a folder: names created, renamed or removed in it are durable when it returns. */
  syncFolder(path: string): void;
  /** Free and total bytes of the file system that holds `path`. */
  space(path: string): { freeBytes: number; totalBytes: number };
}

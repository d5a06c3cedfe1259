/** The real disk behind `Disk`: blocking calls of node:fs, nothing cached, nothing retried. */
import * as fs from "node:fs";
import type { Disk, DiskFile } from "./disk.ts";

/** Linux takes at most this many buffers in one writev (IOV_MAX). */
const MAX_BUFFERS_PER_WRITE = 1024;
/** Mail is nobody else's business on a machine with other accounts. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

class SystemFile implements DiskFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  read(buffer: Uint8Array, offset: number): number {
    let done = 0;
    // A read may be cut short by a signal or at 2 GiB; only 0 means the end.
    while (done < buffer.length) {
      const count = fs.readSync(this.#descriptor, buffer, done, buffer.length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(buffers: readonly Uint8Array[], offset: number): void {
    let pending = buffers.filter((buffer) => buffer.length > 0);
    let at = offset;
    while (pending.length > 0) {
      const written = fs.writevSync(this.#descriptor, pending.slice(0, MAX_BUFFERS_PER_WRITE), at);
      at += written;
      pending = dropWritten(pending, written);
    }
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.#descriptor, size);
  }

  sync(): void {
    fs.fdatasyncSync(this.#descriptor);
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}

/** What is left after a short write; the kernel may stop anywhere, also when the disk just filled up. */
function dropWritten(buffers: Uint8Array[], written: number): Uint8Array[] {
  let left = written;
  for (let i = 0; i < buffers.length; i += 1) {
    const buffer = buffers[i];
    if (buffer === undefined) break;
    if (left < buffer.length) return [buffer.subarray(left), ...buffers.slice(i + 1)];
    left -= buffer.length;
  }
  return [];
}

const OPEN_FLAGS = {
  read: fs.constants.O_RDONLY,
  append: fs.constants.O_RDWR | fs.constants.O_CREAT,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
} as const;

export const systemDisk: Disk = {
  open(path, mode) {
    return new SystemFile(fs.openSync(path, OPEN_FLAGS[mode], FILE_MODE));
  },
  exists: (path) => fs.existsSync(path),
  list: (path) => fs.readdirSync(path).toSorted(),
  makeFolder(path) {
    fs.mkdirSync(path, { recursive: true, mode: FOLDER_MODE });
  },
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.unlinkSync(path),
  syncFolder(path) {
    const descriptor = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  },
  space(path) {
    const { bavail, blocks, bsize } = fs.statfsSync(path);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  },
};

/**
 * Files read and written without blocking the thread. The simulation's disk answers at once
 * instead.
 */
import * as fs from "node:fs";
import * as fsPromises from "node:fs/promises";
import type { Disk } from "./disk.ts";

export interface BodyFile {
  /** Fills `buffer` from `offset` as far as the file goes; returns how many bytes. */
  read(buffer: Uint8Array, offset: number): Promise<number>;
  write(bytes: Uint8Array, offset: number): Promise<void>;
  close(): void;
}

export interface BodyFiles {
  openRead(path: string): Promise<BodyFile>;
  /** Fails when it exists. */
  create(path: string): Promise<BodyFile>;
  remove(path: string): Promise<void>;
}

const FILE_MODE = 0o600;

class DescriptorFile implements BodyFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    while (done < buffer.length) {
      const count = await this.#readOnce(buffer, done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  #readOnce(buffer: Uint8Array, at: number, offset: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#descriptor, buffer, at, buffer.length - at, offset, (error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      done += await new Promise<number>((resolve, reject) => {
        fs.write(this.#descriptor, bytes, done, bytes.length - done, offset + done, (error, count) => {
          if (error === null) resolve(count);
          else reject(error);
        });
      });
    }
  }

  close(): void {
    fs.close(this.#descriptor, () => {
      // Nothing was buffered: a failed close loses nothing.
    });
  }
}

function openFile(path: string, flags: number): Promise<BodyFile> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, FILE_MODE, (error, descriptor) => {
      if (error === null) resolve(new DescriptorFile(descriptor));
      else reject(error);
    });
  });
}

/** The real file system, through Node's thread pool. */
export const systemFiles: BodyFiles = {
  openRead: (path) => openFile(path, fs.constants.O_RDONLY),
  create: (path) => openFile(path, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL),
  remove: (path) => fsPromises.unlink(path),
};

/** The simulation's disk. */
export function filesOfDisk(disk: Disk): BodyFiles {
  const open = (path: string, mode: "read" | "create"): BodyFile => {
    const file = disk.open(path, mode);
    return {
      read: async (buffer, offset) => Promise.resolve(file.read(buffer, offset)),
      write: async (bytes, offset) => Promise.resolve(file.write([bytes], offset)),
      close: () => file.close(),
    };
  };
  return {
    openRead: async (path) => Promise.resolve(open(path, "read")),
    create: async (path) => Promise.resolve(open(path, "create")),
    remove: async (path) => Promise.resolve(disk.remove(path)),
  };
}

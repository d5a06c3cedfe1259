/**
 * Message bodies on their way in. Small ones stay in memory; large ones, and all when many come at once, go to files in
 * `<folder>/staging`, so that memory is bounded. What a crash leaves there is swept at the next start.
 */
import { assert } from "../base/assert.ts";
import type { Disk } from "../base/io/disk.ts";
import type { Random } from "../base/io/random.ts";
import type { BodyFile, BodyFiles } from "../base/io/body-files.ts";
import { diskError } from "./committer/disk-error.ts";
import { StoreError } from "./errors.ts";
import type { Guid } from "./model.ts";
import type { BodySource } from "./operations.ts";
import type { BodyWriter, NewMessage, StagedBody } from "./port.ts";

/** A body above this goes to a file. */
const MAX_MEMORY_A_BODY = 2 ** 20;
/** All bodies being written to memory together; above it new ones go to files. */
const MAX_MEMORY = 128 * 2 ** 20;
const FIRST_BUFFER = 16_384;

export class Staging {
  readonly #folder: string;
  readonly #files: BodyFiles;
  readonly #random: Random;
  readonly maxMessageBytes: number;
  #memory = 0;

  constructor(options: { folder: string; files: BodyFiles; random: Random; maxMessageBytes: number }) {
    this.#folder = `${options.folder}/staging`;
    this.#files = options.files;
    this.#random = options.random;
    this.maxMessageBytes = options.maxMessageBytes;
  }

  get memoryBytes(): number {
    return this.#memory;
  }

  /** At start, before anything is staged. */
  static sweep(folder: string, disk: Disk): void {
    const staging = `${folder}/staging`;
    disk.makeFolder(staging);
    for (const name of disk.list(staging)) disk.remove(`${staging}/${name}`);
  }

  stage(expectedBytes = 0): BodyWriter {
    return new Writer(this, this.#files, expectedBytes);
  }

  newPath(): string {
    return `${this.#folder}/${this.#random.bytes(12).toString("hex")}`;
  }

  /** Takes memory for a body; false = use a file. */
  reserve(bytes: number): boolean {
    if (this.#memory + bytes > MAX_MEMORY) return false;
    this.#memory += bytes;
    return true;
  }
  giveBack(bytes: number): void {
    this.#memory -= bytes;
  }
}

class Writer implements BodyWriter {
  readonly #staging: Staging;
  readonly #files: BodyFiles;
  #buffer: Buffer | undefined;
  #length = 0;
  #file: { readonly file: BodyFile; readonly path: string } | undefined;
  #isDone = false;

  constructor(staging: Staging, files: BodyFiles, expectedBytes: number) {
    this.#staging = staging;
    this.#files = files;
    const size = Math.max(expectedBytes, FIRST_BUFFER);
    if (size <= MAX_MEMORY_A_BODY && staging.reserve(size)) this.#buffer = Buffer.allocUnsafeSlow(size);
  }

  async write(chunk: Buffer): Promise<void> {
    assert(!this.#isDone, "the body is finished");
    const length = this.#length + chunk.length;
    if (length > this.#staging.maxMessageBytes) {
      throw new StoreError("message_too_big", `message has more than ${this.#staging.maxMessageBytes} bytes`);
    }
    if (this.#buffer !== undefined && this.#fits(length)) {
      chunk.copy(this.#buffer, this.#length);
      this.#length = length;
      return;
    }
    const at = this.#length;
    this.#length = length;
    try {
      const { file } = this.#file ?? (await this.#toFile(at));
      await file.write(chunk, at);
    } catch (error) {
      throw diskError(error) ?? error;
    }
  }

  /** Grows the buffer; false = it must become a file. */
  #fits(length: number): boolean {
    const { length: size } = this.#buffer!;
    if (length <= size) return true;
    const grown = Math.max(length, 2 * size);
    if (grown > MAX_MEMORY_A_BODY || !this.#staging.reserve(grown - size)) return false;
    const buffer = Buffer.allocUnsafeSlow(grown);
    this.#buffer!.copy(buffer, 0, 0, this.#length);
    this.#buffer = buffer;
    return true;
  }

  async #toFile(bytesSoFar: number): Promise<{ file: BodyFile; path: string }> {
    const path = this.#staging.newPath();
    const opened = { file: await this.#files.create(path), path };
    this.#file = opened;
    const buffer = this.#buffer;
    if (buffer !== undefined) {
      await opened.file.write(buffer.subarray(0, bytesSoFar), 0);
      this.#dropBuffer();
    }
    return opened;
  }

  #dropBuffer(): void {
    if (this.#buffer === undefined) return;
    this.#staging.giveBack(this.#buffer.length);
    this.#buffer = undefined;
  }

  async finish(): Promise<StagedBody> {
    assert(!this.#isDone, "the body is finished");
    if (this.#file === undefined && this.#buffer === undefined) await this.#toFile(0);
    this.#isDone = true;
    if (this.#file !== undefined) {
      this.#file.file.close();
      return new FileBody(this.#files, this.#file.path, this.#length);
    }
    const buffer = this.#buffer!;
    return new MemoryBody(buffer.subarray(0, this.#length), () => this.#dropBuffer());
  }

  discard(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#dropBuffer();
    if (this.#file === undefined) return;
    this.#file.file.close();
    removeQuietly(this.#files, this.#file.path);
  }
}

export class MemoryBody implements StagedBody {
  readonly bytes: Buffer;
  readonly known: Uint8Array | undefined = undefined;
  readonly #onRelease: (() => void) | undefined;

  constructor(bytes: Buffer, onRelease?: () => void) {
    this.bytes = bytes;
    this.#onRelease = onRelease;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }
  read(offset: number, length: number): Promise<Buffer> {
    return Promise.resolve(this.bytes.subarray(offset, offset + length));
  }
  release(): void {
    this.#onRelease?.();
  }
}

export class FileBody implements StagedBody {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #files: BodyFiles;
  /** The caller and operations on their way. */
  #holders = 1;
  #isReleased = false;

  constructor(files: BodyFiles, path: string, sizeBytes: number) {
    this.#files = files;
    this.path = path;
    this.sizeBytes = sizeBytes;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, this.sizeBytes - offset)));
    try {
      const file = await this.#files.openRead(this.path);
      try {
        await file.read(bytes, offset);
      } finally {
        file.close();
      }
    } catch (error) {
      throw diskError(error) ?? error;
    }
    return bytes;
  }

  hold(): void {
    assert(this.#holders > 0, "the staged body was released");
    this.#holders++;
  }

  letGo(): void {
    if (--this.#holders === 0) removeQuietly(this.#files, this.path);
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.letGo();
  }
}

function removeQuietly(files: BodyFiles, path: string): void {
  files.remove(path).catch(() => {
    // The next start sweeps it.
  });
}

/** Bodies of one operation, and how to let go of them when it is done. */
export class HeldBodies {
  readonly sources: BodySource[] = [];
  readonly #files: FileBody[] = [];

  /** Index in `sources`. */
  add(body: NewMessage["body"]): number {
    this.sources.push(this.#sourceOf(body));
    return this.sources.length - 1;
  }

  #sourceOf(body: StagedBody | { readonly guid: Guid; readonly partition: string }): BodySource {
    if ("guid" in body) return { kind: "guid", guid: body.guid, partition: body.partition };
    if (body instanceof MemoryBody) return { kind: "bytes", bytes: body.bytes, known: body.known };
    assert(body instanceof FileBody, "the body was not staged in this store");
    body.hold();
    this.#files.push(body);
    return { kind: "file", path: body.path, sizeBytes: body.sizeBytes };
  }

  letGo(): void {
    for (const file of this.#files) file.letGo();
    this.#files.length = 0;
  }
}

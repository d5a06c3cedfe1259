/**
 * The file of a user's backup: "RKUSER1\n", then frames of type u8 · length u32 · crc32 u32 · payload, little endian.
 *
 *   1  JSON, one of `BackupLine`; values of annotations in base64
 *   2  a message body: GUID 20 bytes · bytes; before the first record that has it, once in the file
 *   3  the end: JSON {frames, bodies}. A file without it was cut off.
 */
import * as fs from "node:fs/promises";
import { crc32 } from "node:zlib";
import { StoreError } from "../../errors.ts";

const MAGIC = Buffer.from("RKUSER1\n");
export const FRAME = { json: 1, body: 2, end: 3 } as const;
const HEADER_BYTES = 9;
/** A body of the largest message that a node takes, with room. */
const MAX_FRAME_BYTES = 2 ** 30 + 1024;
const BUFFER_BYTES = 1024 * 1024;

export class FrameWriter {
  readonly #file: fs.FileHandle;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #at = 0;
  #frames = 0;
  #bodies = 0;

  private constructor(file: fs.FileHandle) {
    this.#file = file;
  }

  /** @throws the disk's error when the file exists */
  static async create(path: string): Promise<FrameWriter> {
    const writer = new FrameWriter(await fs.open(path, "wx", 0o600));
    await writer.#add(MAGIC);
    return writer;
  }

  get bytes(): number {
    return this.#at + this.#pendingBytes;
  }

  async json(value: unknown): Promise<void> {
    await this.#frame(FRAME.json, [Buffer.from(JSON.stringify(value))]);
  }

  async body(guid: string, bytes: Buffer): Promise<void> {
    this.#bodies++;
    await this.#frame(FRAME.body, [Buffer.from(guid, "hex"), bytes]);
  }

  /** The end frame; durable when it resolves. */
  async finish(): Promise<{ frames: number; bodies: number }> {
    const counts = { frames: this.#frames, bodies: this.#bodies };
    await this.#frame(FRAME.end, [Buffer.from(JSON.stringify(counts))]);
    await this.#flush();
    await this.#file.datasync();
    await this.#file.close();
    return counts;
  }

  async abandon(): Promise<void> {
    await this.#file.close();
  }

  async #frame(type: number, parts: readonly Buffer[]): Promise<void> {
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    let length = 0;
    let crc = 0;
    for (const part of parts) {
      length += part.length;
      crc = crc32(part, crc);
    }
    header.writeUInt8(type, 0);
    header.writeUInt32LE(length, 1);
    header.writeUInt32LE(crc, 5);
    this.#frames++;
    await this.#add(header);
    for (const part of parts) await this.#add(part);
  }

  async #add(bytes: Buffer): Promise<void> {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= BUFFER_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#at);
      done += bytesWritten;
      this.#at += bytesWritten;
    }
  }
}

export type Frame =
  | { readonly type: "json"; readonly value: unknown }
  | { readonly type: "body"; readonly guid: string; readonly bytes: Buffer };

/** @throws StoreError conflict when the file is damaged, cut off, or of something else */
export async function* readFrames(path: string): AsyncGenerator<Frame> {
  const file = await fs.open(path, "r");
  try {
    const { size } = await file.stat();
    const read = async (length: number, position: number): Promise<Buffer> => {
      const bytes = Buffer.allocUnsafeSlow(length);
      for (let done = 0; done < length;) {
        const { bytesRead } = await file.read(bytes, done, length - done, position + done);
        if (bytesRead === 0) throw bad(path, `it ends at ${position + done}`);
        done += bytesRead;
      }
      return bytes;
    };
    if (!(await read(MAGIC.length, 0)).equals(MAGIC)) throw bad(path, "it is no backup of a user");
    let frames = 0;
    for (let at = MAGIC.length; ;) {
      const header = await read(HEADER_BYTES, at);
      const type = header.readUInt8(0);
      const length = header.readUInt32LE(1);
      if (length > MAX_FRAME_BYTES || at + HEADER_BYTES + length > size)
        throw bad(path, `it is cut off after ${at}`);
      const payload = await read(length, at + HEADER_BYTES);
      if (crc32(payload) !== header.readUInt32LE(5)) throw bad(path, `the frame at ${at} is damaged`);
      at += HEADER_BYTES + length;
      if (type === FRAME.end) {
        const end = JSON.parse(payload.toString()) as { frames: number };
        if (end.frames !== frames) throw bad(path, `it has ${frames} frames instead of ${end.frames}`);
        return;
      }
      frames++;
      if (type === FRAME.json) yield { type: "json", value: JSON.parse(payload.toString()) as unknown };
      else if (type === FRAME.body && length >= 20) {
        yield { type: "body", guid: payload.toString("hex", 0, 20), bytes: payload.subarray(20) };
      } else throw bad(path, `the frame at ${at} has type ${type}`);
    }
  } finally {
    await file.close();
  }
}

function bad(path: string, why: string): StoreError {
  return new StoreError("conflict", `backup file "${path}": ${why}`);
}

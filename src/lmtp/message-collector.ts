/**
 * Takes the bytes of one message as they come: in memory up to a bound, from there into the store's staging file.
 *
 * Bytes over the size limit are counted and dropped. A failing disk is remembered; the rest of the message is read and
 * dropped, since the client hears of it only after the data.
 */
import { type IncomingMessage, MAX_HEAD_BYTES } from "../delivery/envelope.ts";
import type { BodyWriter, Store } from "../store/port.ts";

const MAX_IN_MEMORY_BYTES = 1_048_576;
const FIRST_BLOCK_BYTES = 16_384;
const FILE_BLOCK_BYTES = 262_144;
/** Handed to the disk and not yet taken: above it the peer has to wait. */
const MAX_BACKLOG_BYTES = 1_048_576;

export interface CollectorBounds {
  /** 0 = no limit. */
  readonly maxBytes: number;
  /** SIZE as announced; 0 = unknown. */
  readonly expectedBytes: number;
}

export class MessageCollector {
  readonly #store: Pick<Store, "stage" | "stageBuffer">;
  readonly #bounds: CollectorBounds;
  #block: Buffer;
  #used = 0;
  #sizeBytes = 0;
  #head: Buffer | undefined;
  #writer: BodyWriter | undefined;
  #writing: Promise<void> = Promise.resolve();
  #backlogBytes = 0;
  #failure: Error | undefined;
  #resume: (() => void) | undefined;

  constructor(store: Pick<Store, "stage" | "stageBuffer">, bounds: CollectorBounds) {
    this.#store = store;
    this.#bounds = bounds;
    const announced = Math.min(bounds.expectedBytes + 1_024, MAX_IN_MEMORY_BYTES);
    // Own memory, no slice of Node's pool: the store hands it to another thread.
    this.#block = Buffer.allocUnsafeSlow(bounds.expectedBytes > 0 ? announced : FIRST_BLOCK_BYTES);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get tooBig(): boolean {
    return this.#bounds.maxBytes > 0 && this.#sizeBytes > this.#bounds.maxBytes;
  }

  /** True while the disk is behind; `resume` is called once when it has caught up. */
  isBehind(resume: () => void): boolean {
    if (this.#backlogBytes <= MAX_BACKLOG_BYTES) return false;
    this.#resume = resume;
    return true;
  }

  readonly append = (source: Buffer, start: number, end: number): void => {
    this.#sizeBytes += end - start;
    if (this.tooBig || this.#failure !== undefined) return;
    let at = start;
    while (at < end) {
      if (this.#used === this.#block.length) this.#makeRoom(end - at);
      const copied = source.copy(this.#block, this.#used, at, end);
      this.#used += copied;
      at += copied;
    }
  };

  /** @throws StoreError disk_full … The body is the caller's to release. */
  async finish(): Promise<IncomingMessage> {
    const writer = this.#writer;
    if (writer === undefined) {
      const bytes = this.#block.subarray(0, this.#used);
      return { body: this.#store.stageBuffer(bytes), head: bytes.subarray(0, MAX_HEAD_BYTES) };
    }
    this.#writeBlock(writer);
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
    return { body: await writer.finish(), head: this.#head ?? Buffer.alloc(0) };
  }

  discard(): void {
    const writer = this.#writer;
    this.#writer = undefined;
    this.#failure ??= new Error("The message was given up");
    if (writer !== undefined) void this.#writing.then(() => writer.discard());
  }

  #makeRoom(moreBytes: number): void {
    if (this.#writer === undefined && this.#used < MAX_IN_MEMORY_BYTES) {
      const wanted = Math.max(this.#used * 2, this.#used + moreBytes);
      const grown = Buffer.allocUnsafeSlow(Math.min(wanted, MAX_IN_MEMORY_BYTES));
      this.#block.copy(grown, 0, 0, this.#used);
      this.#block = grown;
      return;
    }
    if (this.#writer === undefined) {
      this.#writer = this.#store.stage(Math.max(this.#bounds.expectedBytes, this.#sizeBytes));
      this.#head = Buffer.from(this.#block.subarray(0, MAX_HEAD_BYTES));
    }
    this.#writeBlock(this.#writer);
    this.#block = Buffer.allocUnsafeSlow(FILE_BLOCK_BYTES);
    this.#used = 0;
  }

  #writeBlock(writer: BodyWriter): void {
    const block = this.#block.subarray(0, this.#used);
    this.#backlogBytes += block.length;
    this.#writing = this.#writing.then(() => this.#writeOne(writer, block));
  }

  async #writeOne(writer: BodyWriter, block: Buffer): Promise<void> {
    try {
      if (this.#failure === undefined) await writer.write(block);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    this.#backlogBytes -= block.length;
    if (this.#backlogBytes > MAX_BACKLOG_BYTES / 2) return;
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }
}

/**
 * Records of one long MAILBOX line between their arrival and the command that reads them, twice: in staging files, so
 * that memory does not grow with the mailbox.
 */
import type { BodyWriter, StagedBody, Store } from "../store/port.ts";
import type { RecordSink } from "./codec/record-cutter.ts";

/** One staging file; the store bounds the size of a body. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;

/** Work that touches the disk, one after the other; `bytes` wait for it. */
export type Enqueue = (bytes: number, work: () => Promise<void>) => void;

interface SpoolFile {
  readonly body: StagedBody;
  readonly blockBytes: readonly number[];
}

export class RecordSpool implements RecordSink {
  readonly #store: Pick<Store, "stage">;
  readonly #enqueue: Enqueue;
  readonly #files: SpoolFile[] = [];
  #writer: BodyWriter | undefined;
  #blockBytes: number[] = [];
  #fileBytes = 0;
  #isReleased = false;

  constructor(store: Pick<Store, "stage">, enqueue: Enqueue) {
    this.#store = store;
    this.#enqueue = enqueue;
  }

  block(bytes: Buffer): void {
    this.#enqueue(bytes.length, async () => {
      if (this.#isReleased) return;
      if (this.#fileBytes > 0 && this.#fileBytes + bytes.length > MAX_FILE_BYTES) await this.#finishFile();
      this.#writer ??= this.#store.stage(Math.max(MAX_FILE_BYTES, bytes.length));
      await this.#writer.write(bytes);
      this.#blockBytes.push(bytes.length);
      this.#fileBytes += bytes.length;
    });
  }

  end(): void {
    this.#enqueue(0, () => this.#finishFile());
  }

  /** From the first block on; only when all of them are written. */
  async *blocks(): AsyncGenerator<Buffer> {
    for (const { body, blockBytes } of this.#files) {
      let at = 0;
      for (const length of blockBytes) {
        yield await body.read(at, length);
        at += length;
      }
    }
  }

  release(): void {
    this.#isReleased = true;
    this.#writer?.discard();
    this.#writer = undefined;
    for (const { body } of this.#files.splice(0)) body.release();
  }

  async #finishFile(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#writer = undefined;
    const body = await writer.finish();
    if (this.#isReleased) body.release();
    else this.#files.push({ body, blockBytes: this.#blockBytes });
    this.#blockBytes = [];
    this.#fileBytes = 0;
  }
}

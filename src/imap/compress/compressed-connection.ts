/**
 * DEFLATE between a session and its connection: RFC 4978, RFC 1951 without a zlib header.
 *
 * Output is compressed turn by turn, each turn on its own and up to a byte boundary: any such pieces in a row are one
 * valid stream, and an idle connection keeps no compressor. Input needs its window: one decompressor a connection.
 *
 * A compressed bomb gets nowhere: input is inflated only as fast as the session takes it, so its bounds on lines,
 * literals and waiting input hold; and who sends next to nothing that becomes very many commands is cut off.
 */
import { constants, createInflateRaw, deflateRaw, deflateRawSync, type InflateRaw } from "node:zlib";
import type { Connection, TlsState } from "../../base/io/network.ts";

/** Ends at a byte boundary with everything out (RFC 4978 §3). Higher levels cost twice the time for a tenth less. */
const OPTIONS = { level: 3, finishFlush: constants.Z_SYNC_FLUSH };
/** What is compressed in one piece. */
const BATCH_BYTES = 256 * 1024;
/** Up to here compressing costs less than handing it to another thread, and less than 0.1 ms. */
const SYNC_BYTES = 32 * 1024;
/** Inflated at once, and what may wait inflated. */
const INFLATED_CHUNK_BYTES = 16 * 1024;
/** Of commands, before the ratio counts. */
const FREE_INFLATED_BYTES = 1024 * 1024;
/** Of commands: they compress to a tenth, in long lists of numbers to a thirtieth; DEFLATE can do 1:1032. */
const MAX_INFLATED_RATIO = 100;

export interface CompressedInput {
  /** The input cannot be read on; called at most once, the caller ends the connection. */
  broken(reason: string): void;
  /** A message may be all zeros: its length is bounded otherwise, so its ratio does not count. */
  inLiteral(): boolean;
}

export class CompressedConnection implements Connection {
  readonly #under: Connection;
  readonly #inflater: InflateRaw;
  readonly #input: CompressedInput;
  #receive: ((chunk: Buffer) => void) | undefined;
  #resume: (() => void) | undefined;
  #closed: ((error: Error | undefined) => void) | undefined;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** In another thread. */
  #compressingBytes = 0;
  #ending = false;
  #paused = false;
  #drainAwaited = false;
  /** The connection below has closed; what it brought is still being inflated. */
  #finish: (() => void) | undefined;
  #receivedBytes = 0;
  #inflatedBytes = 0;

  constructor(under: Connection, input: CompressedInput) {
    this.#under = under;
    this.#input = input;
    this.#inflater = createInflateRaw({
      chunkSize: INFLATED_CHUNK_BYTES,
      readableHighWaterMark: INFLATED_CHUNK_BYTES,
    } as Parameters<typeof createInflateRaw>[0]);
    this.#inflater
      .on("data", (bytes: Buffer) => this.#inflated(bytes))
      .on("drain", () => this.#readOn())
      .on("error", () => this.#fail("Compressed input is broken"))
      .on("end", () => this.#fail("Compressed input has ended"));
    under.onData((chunk) => this.receive(chunk));
    under.onDrain(() => this.#drained());
    under.onClose((error) => this.#closedBelow(error));
  }

  get remoteAddress(): string {
    return this.#under.remoteAddress;
  }
  get remotePort(): number {
    return this.#under.remotePort;
  }
  get localAddress(): string {
    return this.#under.localAddress;
  }
  get localPort(): number {
    return this.#under.localPort;
  }
  get tls(): TlsState | undefined {
    return this.#under.tls;
  }

  get bufferedBytes(): number {
    const bytes = this.#pendingBytes + this.#compressingBytes + this.#under.bufferedBytes;
    if (bytes > 0) this.#drainAwaited = true;
    return bytes;
  }

  onData(receive: (chunk: Buffer) => void): void {
    this.#receive = receive;
  }

  onDrain(resume: () => void): void {
    this.#resume = resume;
  }

  onClose(closed: (error: Error | undefined) => void): void {
    this.#closed = closed;
  }

  /** Compressed bytes of the peer: from the connection below, and what came with the command before. */
  receive(chunk: Buffer): void {
    if (this.#ending || chunk.length === 0) return;
    this.#receivedBytes += chunk.length;
    if (!this.#inflater.write(chunk)) this.#under.pause();
  }

  write(bytes: Buffer | string): void {
    if (this.#ending || bytes.length === 0) return;
    if (this.#pending.length === 0) process.nextTick(() => this.#compress());
    const piece = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    this.#pending.push(piece);
    this.#pendingBytes += piece.length;
  }

  pause(): void {
    this.#paused = true;
    this.#inflater.pause();
    this.#under.pause();
    // The peer is gone, and who pauses may be waiting for just that to be told: the rest is not given out any more.
    this.#finish?.();
  }

  resume(): void {
    this.#paused = false;
    this.#inflater.resume();
    this.#readOn();
  }

  startTls(): Promise<void> {
    return Promise.reject(new Error("TLS was asked for under compression"));
  }

  end(lastWords?: Buffer | string): void {
    if (this.#ending) return;
    if (lastWords !== undefined) this.write(lastWords);
    this.#ending = true;
    this.#compress();
  }

  destroy(): void {
    this.#ending = true;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#inflater.destroy();
    this.#under.destroy();
  }

  #inflated(bytes: Buffer): void {
    if (this.#ending) return;
    if (!this.#input.inLiteral()) this.#inflatedBytes += bytes.length;
    if (
      this.#inflatedBytes > FREE_INFLATED_BYTES &&
      this.#inflatedBytes > MAX_INFLATED_RATIO * this.#receivedBytes
    ) {
      this.#fail("Compressed input grows too large");
      return;
    }
    this.#receive?.(bytes);
  }

  #readOn(): void {
    if (!this.#paused && !this.#ending && !this.#inflater.writableNeedDrain) this.#under.resume();
  }

  #fail(reason: string): void {
    this.#inflater.destroy();
    if (!this.#ending) this.#input.broken(reason);
  }

  /** What came before the end is inflated in another thread and is still to be given out. */
  #closedBelow(error: Error | undefined): void {
    const finish = (): void => {
      this.#finish = undefined;
      this.#ending = true;
      this.#inflater.destroy();
      const closed = this.#closed;
      this.#closed = undefined;
      closed?.(error);
    };
    if (this.#ending || this.#paused || this.#inflater.destroyed || error !== undefined) finish();
    else {
      this.#finish = finish;
      this.#inflater.once("close", finish);
      this.#inflater.write(NOTHING, finish);
    }
  }

  /** Compresses what was written in this turn and hands it down, in order. */
  #compress(): void {
    if (this.#compressingBytes > 0) return;
    while (this.#pending.length > 0) {
      const batch = this.#takeBatch();
      if (batch.length > SYNC_BYTES) {
        this.#compressingBytes = batch.length;
        deflateRaw(batch, OPTIONS, (error, compressed) => {
          this.#compressingBytes = 0;
          if (error !== null) this.destroy();
          else this.#under.write(compressed);
          this.#compress();
        });
        return;
      }
      this.#under.write(deflateRawSync(batch, OPTIONS));
    }
    if (this.#ending) this.#under.end();
    else if (this.#under.bufferedBytes === 0) this.#drained();
  }

  #takeBatch(): Buffer {
    const batch: Buffer[] = [];
    let bytes = 0;
    while (bytes < BATCH_BYTES) {
      const next = this.#pending[0];
      if (next === undefined) break;
      const room = BATCH_BYTES - bytes;
      batch.push(next.subarray(0, room));
      bytes += Math.min(next.length, room);
      if (next.length > room) this.#pending[0] = next.subarray(room);
      else this.#pending.shift();
    }
    this.#pendingBytes -= bytes;
    return batch.length === 1 ? batch[0]! : Buffer.concat(batch, bytes);
  }

  #drained(): void {
    if (!this.#drainAwaited || this.#pendingBytes + this.#compressingBytes > 0) return;
    this.#drainAwaited = false;
    this.#resume?.();
  }
}

const NOTHING = Buffer.alloc(0);

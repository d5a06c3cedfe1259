/**
 * Raw deflate in both directions (RFC 1951): COMPRESS DEFLATE of the sync protocol. Every write ends in a sync marker, so
 * that the peer can read it at once.
 */
import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";

export interface DeflateHandlers {
  /** Bytes from the peer, inflated. */
  plain(chunk: Buffer): void;
  /** Bytes for the peer, deflated. */
  packed(chunk: Buffer): void;
  /** `receive` answered false and the bytes are taken now. */
  drained(): void;
  failed(error: Error): void;
}

export class DeflateLayer {
  readonly #inflate = createInflateRaw({ flush: constants.Z_SYNC_FLUSH });
  readonly #deflate = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH, level: 1 });
  #ended = false;

  constructor(handlers: DeflateHandlers) {
    this.#inflate.on("data", (chunk: Buffer) => handlers.plain(chunk));
    this.#inflate.on("drain", () => handlers.drained());
    this.#inflate.on("error", (error) => handlers.failed(error));
    this.#deflate.on("data", (chunk: Buffer) => handlers.packed(chunk));
    this.#deflate.on("error", (error) => handlers.failed(error));
  }

  /** False while the inflated bytes are not taken as fast as they come. */
  receive(chunk: Buffer): boolean {
    if (this.#ended) return true;
    return this.#inflate.write(chunk);
  }

  send(chunk: Buffer): void {
    if (!this.#ended) this.#deflate.write(chunk);
  }

  /** Bytes given to `send` that were not handed on. */
  get waitingBytes(): number {
    return this.#deflate.writableLength + this.#deflate.readableLength;
  }

  pause(): void {
    this.#inflate.pause();
  }

  resume(): void {
    this.#inflate.resume();
  }

  close(): void {
    this.#ended = true;
    this.#inflate.destroy();
    this.#deflate.destroy();
  }
}

import type { Writable } from "node:stream";

/** What TLS has encrypted and the peer not taken: at most this much beside what waits here. */
export const PACE_BYTES = 256 * 1024;

/**
 * Gives a TLS socket large output in pieces, each when the one before is taken. Node encrypts all that it is given at
 * once, so for a peer that does not read every waiting message would be in memory twice and more.
 */
export class PacedWrites {
  readonly #socket: Writable;
  readonly #written: () => void;
  readonly #queue: Buffer[] = [];
  #isWriting = false;
  #isEnding = false;
  #waitingBytes = 0;

  /** @param written called after each piece, as the callback of `write` is */
  constructor(socket: Writable, written: () => void) {
    this.#socket = socket;
    this.#written = written;
  }

  /** Not given to the socket yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  write(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      this.#queue.push(piece);
      this.#waitingBytes += piece.length;
    }
    this.#next();
  }

  /** Ends the socket behind all that waits. */
  end(): void {
    this.#isEnding = true;
    this.#next();
  }

  readonly #next = (): void => {
    if (this.#isWriting) return;
    const piece = this.#take();
    if (piece === undefined) {
      if (this.#isEnding) this.#socket.end();
      return;
    }
    this.#isWriting = true;
    this.#socket.write(piece, (error) => {
      this.#isWriting = false;
      // The socket is closed: what waits goes nowhere.
      if (error !== undefined && error !== null) this.#queue.length = this.#waitingBytes = 0;
      else this.#next();
      this.#written();
    });
  };

  /** The next piece: the start of a large buffer, or small ones together. */
  #take(): Buffer | undefined {
    const queue = this.#queue;
    const [first] = queue;
    if (first === undefined) return undefined;
    let count = 0;
    let bytes = 0;
    for (const { length } of queue) {
      if (bytes + length > PACE_BYTES) break;
      bytes += length;
      count += 1;
    }
    this.#waitingBytes -= count === 0 ? PACE_BYTES : bytes;
    if (count === 0) {
      queue[0] = first.subarray(PACE_BYTES);
      return first.subarray(0, PACE_BYTES);
    }
    const taken = queue.splice(0, count);
    return count === 1 ? first : Buffer.concat(taken, bytes);
  }
}

/**
 * The sending side of dot-ended data: RFC 5321 §4.5.2, RFC 1939 §3. A dot goes before each line that starts with one, a
 * CRLF at the end where there is none, then the final ".". Pieces of the data are not copied.
 */

/** Where the next byte stands. */
const INSIDE = 0;
const AFTER_CR = 1;
/** Behind CRLF, or at the very start. */
const AT_LINE = 2;

const CR = 13;
const LF = 10;
const DOT = 46;
const ONE_DOT = Buffer.from(".");
const CRLF_DOT = Buffer.from("\r\n.");
const END = Buffer.from(".\r\n");
const CRLF_END = Buffer.from("\r\n.\r\n");

/** For data that come in pieces. */
export class DotStuffer {
  #state = AT_LINE;

  *push(chunk: Buffer): Generator<Buffer> {
    if (chunk.length === 0) return;
    let start = 0;
    if (this.#state === AT_LINE && chunk[0] === DOT) yield ONE_DOT;
    else if (this.#state === AFTER_CR && chunk[0] === LF && chunk[1] === DOT) {
      yield chunk.subarray(0, 2);
      start = 1;
    }
    for (;;) {
      const hit = chunk.indexOf(CRLF_DOT, start);
      if (hit < 0) break;
      yield chunk.subarray(start, hit + 3);
      // The piece ended with the line's own dot; the next one starts with it again: that is the stuffing.
      start = hit + 2;
    }
    yield chunk.subarray(start);
    const last = chunk[chunk.length - 1];
    const beforeLast = chunk.length > 1 ? chunk[chunk.length - 2] === CR : this.#state === AFTER_CR;
    if (last === LF && beforeLast) this.#state = AT_LINE;
    else this.#state = last === CR ? AFTER_CR : INSIDE;
  }

  /** What ends the data. */
  end(): Buffer {
    return this.#state === AT_LINE ? END : CRLF_END;
  }
}

/** For data that are there whole. */
export function* stuffDots(message: Buffer): Generator<Buffer> {
  const stuffer = new DotStuffer();
  yield* stuffer.push(message);
  yield stuffer.end();
}

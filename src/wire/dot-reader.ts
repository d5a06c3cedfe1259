/**
 * The DATA phase (RFC 5321 §4.1.1.4, §4.5.2): takes away the dots that the client stuffed and finds the end.
 *
 * Only CRLF "." CRLF ends the data. LF.LF, LF.CRLF, CR.CR and the like are content, kept byte for byte, so that no
 * second message can hide behind a line end that some other server reads differently ("SMTP smuggling").
 */

/** Takes `source[start, end)`; must not keep `source`. */
export type ContentSink = (source: Buffer, start: number, end: number) => void;

/** How much of CRLF "." CRLF stands right before the next byte. */
const NOTHING = 0;
const AFTER_CR = 1;
/** At the start of a line: also where the data begins. */
const AFTER_CRLF = 2;
const AFTER_DOT = 3;
const AFTER_DOT_CR = 4;

const CR = 13;
const LF = 10;
const DOT = 46;
const CRLF_DOT = Buffer.from("\r\n.");
const ONE_CR = Buffer.from("\r");

export class DotReader {
  #state = AFTER_CRLF;

  /** Feeds `chunk` to `sink`; the offset behind the final CRLF "." CRLF, or -1 when the data go on. */
  read(chunk: Buffer, sink: ContentSink): number {
    const length = chunk.length;
    let at = 0;
    while (at < length) {
      const byte = chunk[at];
      switch (this.#state) {
        case AFTER_CR:
          if (byte === LF) {
            sink(chunk, at, at + 1);
            at += 1;
            this.#state = AFTER_CRLF;
          } else {
            this.#state = NOTHING;
          }
          break;
        case AFTER_CRLF:
          if (byte === DOT) {
            at += 1;
            this.#state = AFTER_DOT;
          } else {
            this.#state = NOTHING;
          }
          break;
        case AFTER_DOT:
          if (byte === CR) {
            at += 1;
            this.#state = AFTER_DOT_CR;
          } else {
            this.#state = NOTHING;
          }
          break;
        case AFTER_DOT_CR:
          if (byte === LF) {
            this.#state = AFTER_CRLF;
            return at + 1;
          }
          // The dot was stuffed, the CR behind it is content.
          sink(ONE_CR, 0, 1);
          this.#state = NOTHING;
          break;
        default: {
          // The common case at memory speed: everything up to the next line that starts with a dot.
          const hit = chunk.indexOf(CRLF_DOT, at);
          if (hit >= 0) {
            sink(chunk, at, hit + 2);
            at = hit + 3;
            this.#state = AFTER_DOT;
          } else {
            sink(chunk, at, length);
            at = length;
            if (chunk[length - 1] === CR) this.#state = AFTER_CR;
            else if (chunk[length - 1] === LF && chunk[length - 2] === CR) this.#state = AFTER_CRLF;
          }
        }
      }
    }
    return -1;
  }
}

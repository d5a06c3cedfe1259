import { isUtf8 } from "node:buffer";

/**
 * Bounds a command line with its CRLF: RFC 5321 §4.5.3.1.4 asks for 512, RFC 4954 §4 for 12,288 (AUTH); extensions
 * only add to that.
 */
export const MAX_LINE_BYTES = 12_288 + 512;

export type Line =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "too_long" }
  /** LF without CR, or a CR inside: never executed, so that no peer disagrees with us about what a line is. */
  | { readonly kind: "bare_line_end" }
  /** 8-bit bytes that are not UTF-8 (RFC 6531 §3.3). */
  | { readonly kind: "not_utf8" };

const LF = 10;
const CR = 13;

/** Bytes received and not yet understood. Hands out lines or raw bytes; holds at most what the caller lets in. */
export class InputBuffer {
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;
  /** Inside a line that is longer than allowed: its bytes are dropped up to the next LF. */
  #skipping = false;

  get length(): number {
    return this.#bytes.length - this.#start;
  }

  push(chunk: Buffer): void {
    if (this.length === 0) this.#bytes = chunk;
    else this.#bytes = Buffer.concat([this.#bytes.subarray(this.#start), chunk]);
    this.#start = 0;
  }

  /** The next line without its CRLF; undefined when it has not arrived whole. */
  nextLine(): Line | undefined {
    const end = this.#bytes.indexOf(LF, this.#start);
    if (end < 0) {
      if (this.length > MAX_LINE_BYTES) {
        this.#skipping = true;
        this.#dropBytes();
      }
      return undefined;
    }
    const start = this.#start;
    this.#start = end + 1;
    if (this.#skipping || end + 1 - start > MAX_LINE_BYTES) {
      this.#skipping = false;
      return { kind: "too_long" };
    }
    if (end === start || this.#bytes[end - 1] !== CR) return { kind: "bare_line_end" };
    const line = this.#bytes.subarray(start, end - 1);
    if (line.includes(CR)) return { kind: "bare_line_end" };
    if (!isUtf8(line)) return { kind: "not_utf8" };
    return { kind: "line", text: line.toString("utf8") };
  }

  /** All that is there, at most `maxBytes`; empty when nothing is. */
  take(maxBytes: number): Buffer {
    const end = Math.min(this.#bytes.length, this.#start + maxBytes);
    const taken = this.#bytes.subarray(this.#start, end);
    this.#start = end;
    return taken;
  }

  /** Gives back the last `count` bytes of what `take` handed out just before. */
  giveBack(count: number): void {
    this.#start -= count;
  }

  /** Forgets everything: after STARTTLS nothing that came in the clear may count (CVE-2011-0411). */
  clear(): void {
    this.#dropBytes();
    this.#skipping = false;
  }

  #dropBytes(): void {
    this.#bytes = Buffer.alloc(0);
    this.#start = 0;
  }
}

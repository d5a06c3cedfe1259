/**
 * Bytes in, lines of arguments out: RFC 5804 §4. `{n+}` literals come without being asked for, so their bytes are always
 * read; those of a line that is refused are dropped, and what follows it is understood again.
 *
 *     line = argument *(SP argument) CRLF      argument = atom / number / quoted / literal
 */
import { isUtf8 } from "node:buffer";

export type Argument =
  /** Upper case. */
  | { readonly kind: "atom"; readonly text: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "string"; readonly bytes: Buffer };

export type Frame =
  | { readonly kind: "line"; readonly args: readonly Argument[] }
  /** Not what the grammar allows. */
  | { readonly kind: "bad"; readonly text: string }
  /** A literal larger than the bound; its bytes were dropped. */
  | { readonly kind: "too_big" };

/** Of a line without its literals; AUTHENTICATE with a token is the longest. */
const MAX_LINE_BYTES = 16_384;
const MAX_ARGUMENTS = 8;

const CR = 13;
const LF = 10;
const SPACE = 32;
const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const ATOM = /^[A-Za-z][A-Za-z0-9_-]*$/;
const LITERAL_AT_END = /\{(\d{1,15})\+?\}$/;

export class Framer {
  /** Larger ones are read and dropped. */
  maxLiteralBytes: number;
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  /** Nothing new can be understood before so many bytes are there. */
  #neededBytes = 1;
  #skipBytes = 0;
  /** The line is refused with this once it is over. */
  #refused: Frame | undefined;

  constructor(maxLiteralBytes: number) {
    this.maxLiteralBytes = maxLiteralBytes;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
  }

  /** After STARTTLS nothing that came in the clear may count (CVE-2011-0411). */
  clear(): void {
    this.#keep(Buffer.alloc(0));
    this.#skipBytes = 0;
    this.#refused = undefined;
  }

  /** The next line; undefined when it has not come whole. */
  next(): Frame | undefined {
    for (;;) {
      if (this.#waitingBytes === 0 || this.#waitingBytes < this.#neededBytes) return undefined;
      const bytes = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      this.#chunks = [bytes];
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, bytes.length);
        this.#skipBytes -= skipped;
        this.#keep(bytes.subarray(skipped));
        continue;
      }
      const frame = this.#refused === undefined ? this.#read(bytes) : this.#skipLine(bytes, 0, this.#refused);
      if (frame !== "again") return frame;
    }
  }

  #keep(rest: Buffer): void {
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#waitingBytes = rest.length;
    this.#neededBytes = 1;
  }

  #wait(bytes: number): undefined {
    this.#neededBytes = Math.max(bytes, this.#waitingBytes + 1);
    return undefined;
  }

  #read(bytes: Buffer): Frame | undefined | "again" {
    const args: Argument[] = [];
    let at = 0;
    let textBytes = 0;
    for (;;) {
      const lineEnd = bytes.indexOf(LF, at);
      if (textBytes + (lineEnd < 0 ? bytes.length : lineEnd) - at > MAX_LINE_BYTES) {
        return this.#skipLine(bytes, at, { kind: "bad", text: "Line is too long" });
      }
      if (lineEnd < 0) return this.#wait(bytes.length + 1);
      const bad = (text: string): Frame | undefined | "again" =>
        this.#skipLine(bytes, at, { kind: "bad", text });
      if (bytes[lineEnd - 1] !== CR || lineEnd === 0) return bad("Lines end with CRLF");
      const end = lineEnd - 1;
      textBytes += end - at;
      // One stretch of text: up to the line end, or up to a literal.
      while (at < end) {
        if (args.length > 0) {
          if (bytes[at] !== SPACE) return bad("Expected a space");
          at += 1;
        }
        if (args.length >= MAX_ARGUMENTS) return bad("Too many arguments");
        if (bytes[at] === OPEN_BRACE) break;
        const after = bytes[at] === QUOTE ? this.#quoted(bytes, at, end, args) : plain(bytes, at, end, args);
        if (after < 0) return bad("Expected a word, a number or a string");
        at = after;
      }
      if (at >= end) {
        this.#keep(bytes.subarray(lineEnd + 1));
        // An empty line is nothing: after LOGOUT of old clients, behind literals of others.
        return args.length === 0 ? "again" : { kind: "line", args };
      }
      const match = /^\{(\d{1,15})\+?\}$/.exec(bytes.toString("latin1", at, end));
      if (match === null) return bad("Expected a literal");
      const sizeBytes = Number(match[1]);
      if (sizeBytes > this.maxLiteralBytes) return this.#skipLine(bytes, at, { kind: "too_big" });
      const start = lineEnd + 1;
      if (bytes.length < start + sizeBytes) return this.#wait(start + sizeBytes);
      args.push({ kind: "string", bytes: bytes.subarray(start, start + sizeBytes) });
      at = start + sizeBytes;
    }
  }

  /** Drops the rest of a line, its literals included, then hands out `frame`. */
  #skipLine(bytes: Buffer, from: number, frame: Frame): Frame | undefined | "again" {
    const lineEnd = bytes.indexOf(LF, from);
    if (lineEnd < 0) {
      this.#refused = frame;
      // The beginning of a literal at the end of what came must not be lost.
      this.#keep(bytes.subarray(Math.max(from, bytes.length - 32)));
      return this.#wait(1);
    }
    const text = bytes.toString("latin1", Math.max(from, lineEnd - 32), lineEnd).replace(/\r$/, "");
    const literal = LITERAL_AT_END.exec(text);
    this.#keep(bytes.subarray(lineEnd + 1));
    if (literal !== null) {
      this.#refused = frame;
      this.#skipBytes = Number(literal[1]);
      return "again";
    }
    this.#refused = undefined;
    return frame;
  }

  /** Where it ends, or -1. */
  #quoted(bytes: Buffer, start: number, end: number, args: Argument[]): number {
    let escapes = 0;
    let at = start + 1;
    while (at < end && bytes[at] !== QUOTE) {
      if (bytes[at] === BACKSLASH) {
        escapes += 1;
        at += 1;
      }
      at += 1;
    }
    if (at >= end) return -1;
    const raw = bytes.subarray(start + 1, at);
    if (raw.includes(0) || raw.includes(CR)) return -1;
    // All octets of UTF-8 beyond ASCII are above the backslash, so Latin-1 does for finding escapes.
    const plainText =
      escapes === 0 ? raw : Buffer.from(raw.toString("latin1").replace(/\\(.)/gs, "$1"), "latin1");
    args.push({ kind: "string", bytes: plainText });
    return at + 1;
  }
}

/** An atom or a number: up to the next space. */
function plain(bytes: Buffer, start: number, end: number, args: Argument[]): number {
  const space = bytes.indexOf(SPACE, start);
  const until = space < 0 || space > end ? end : space;
  const text = bytes.toString("latin1", start, until);
  if (/^\d{1,15}$/.test(text)) args.push({ kind: "number", value: Number(text) });
  else if (ATOM.test(text)) args.push({ kind: "atom", text: text.toUpperCase() });
  // AUTHENTICATE is cancelled with "*", which some clients send without quotes.
  else if (text === "*") args.push({ kind: "string", bytes: Buffer.from(text) });
  else return -1;
  return until;
}

/** The text of a string that has to be UTF-8; undefined when it is not. */
export function utf8Of(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

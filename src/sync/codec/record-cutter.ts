/**
 * Cuts the RECORD list of a long MAILBOX line into blocks of whole elements while it comes, so that a mailbox of any size
 * is never in memory as one line. The grammar is that of `DlistReader`; elements are found here, not understood.
 */
import { SyncProtocolError } from "./errors.ts";

/** Elements are handed on together from so many bytes on. */
const MIN_BLOCK_BYTES = 64 * 1024;
/** One element: annotations of a message may be large. */
const MAX_ELEMENT_BYTES = 32 * 1024 * 1024;
/** All elements of one mailbox: some four million messages. */
const MAX_LIST_BYTES = 1024 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const OPEN = 0x28;
const CLOSE = 0x29;
const PLUS = 0x2b;
const BACKSLASH = 0x5c;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/** Takes blocks like `%(UID 1 …) %(UID 2 …)`; a block may start with a blank. */
export interface RecordSink {
  block(bytes: Buffer): void;
  end(): void;
}

type Mode = "plain" | "quoted" | "escaped" | "length" | "lengthEnd";

/** Follows brackets, quoted strings and literals over chunks of any size. */
class Scanner {
  depth = 0;
  #mode: Mode = "plain";
  #literalLeft = 0;

  get isPlain(): boolean {
    return this.#mode === "plain" && this.#literalLeft === 0;
  }

  /** Takes bytes from `at` on, up to and with a bracket outside strings, or all. Returns where it stopped. */
  next(bytes: Buffer, at: number): number {
    let i = at;
    while (i < bytes.length) {
      if (this.#literalLeft > 0) {
        const taken = Math.min(this.#literalLeft, bytes.length - i);
        this.#literalLeft -= taken;
        i += taken;
        continue;
      }
      const byte = bytes[i]!;
      i += 1;
      if (this.#mode !== "plain") this.#inside(byte);
      else if (byte === OPEN || byte === CLOSE) {
        this.depth += byte === OPEN ? 1 : -1;
        return i;
      } else if (byte === QUOTE) this.#mode = "quoted";
      else if (byte === BRACE_OPEN) this.#mode = "length";
      else if (byte === LF || byte === CR) throw new SyncProtocolError("line ends inside a list");
    }
    return i;
  }

  #inside(byte: number): void {
    switch (this.#mode) {
      case "quoted":
        if (byte === QUOTE) this.#mode = "plain";
        else if (byte === BACKSLASH) this.#mode = "escaped";
        else if (byte === LF || byte === CR) throw new SyncProtocolError("quoted string without its end");
        return;
      case "escaped":
        this.#mode = "quoted";
        return;
      case "length":
        if (byte === BRACE_CLOSE) this.#mode = "lengthEnd";
        else if (byte >= 0x30 && byte <= 0x39) this.#literalLength(10 * this.#length + byte - 0x30);
        else if (byte !== PLUS) throw new SyncProtocolError("length of a literal expected");
        return;
      case "lengthEnd":
        if (byte === LF) {
          this.#mode = "plain";
          this.#literalLeft = this.#length;
          this.#length = 0;
        } else if (byte !== CR) throw new SyncProtocolError("end of line expected behind a length");
        return;
      case "plain":
    }
  }

  #length = 0;

  #literalLength(value: number): void {
    if (value > MAX_ELEMENT_BYTES) throw new SyncProtocolError("literal too long");
    this.#length = value;
  }
}

const RECORD_LIST = Buffer.from(" RECORD (");

/** Where the elements begin in a line that has come so far; undefined when it has no RECORD list. */
export function findRecordList(line: Buffer): number | undefined {
  if (!line.includes(RECORD_LIST)) return undefined;
  const scanner = new Scanner();
  for (let at = 0; at < line.length;) {
    at = scanner.next(line, at);
    // Inside the brackets of the mailbox and those of the list.
    if (scanner.depth !== 2 || line[at - 1] !== OPEN || !scanner.isPlain) continue;
    const start = at - RECORD_LIST.length;
    if (start >= 0 && line.subarray(start, at).equals(RECORD_LIST)) return at;
  }
  return undefined;
}

export class RecordCutter {
  readonly #sink: RecordSink;
  readonly #scanner = new Scanner();
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Of the held bytes, those of elements that have come whole. */
  #wholeBytes = 0;
  #listBytes = 0;

  constructor(sink: RecordSink) {
    this.#sink = sink;
  }

  /** Takes bytes from `at` on. Returns where the closing bracket of the list stands, or -1 when all were elements. */
  push(bytes: Buffer, at: number): number {
    for (let i = at; i < bytes.length;) {
      i = this.#scanner.next(bytes, i);
      if (this.#scanner.depth < 0) {
        this.#hold(bytes.subarray(at, i - 1));
        this.#wholeBytes = this.#heldBytes;
        this.#handOn();
        this.#sink.end();
        return i - 1;
      }
      const ended = this.#scanner.depth === 0 && this.#scanner.isPlain && bytes[i - 1] === CLOSE;
      if (ended) this.#wholeBytes = this.#heldBytes + i - at;
    }
    this.#hold(bytes.subarray(at));
    if (this.#wholeBytes >= MIN_BLOCK_BYTES) this.#handOn();
    return -1;
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    this.#listBytes += bytes.length;
    if (this.#heldBytes - this.#wholeBytes > MAX_ELEMENT_BYTES || this.#listBytes > MAX_LIST_BYTES) {
      throw new SyncProtocolError("list too long");
    }
  }

  #handOn(): void {
    const held = Buffer.concat(this.#held);
    const block = held.subarray(0, this.#wholeBytes);
    const rest = Buffer.from(held.subarray(this.#wholeBytes));
    this.#held = rest.length === 0 ? [] : [rest];
    this.#heldBytes = rest.length;
    this.#wholeBytes = 0;
    if (block.some((byte) => byte !== SPACE)) this.#sink.block(block);
  }
}

/**
 * Reads dlist values from a line without building a tree: records of a large mailbox are looked at one after the
 * other, in place. Grammar (Cyrus 3.6.1, observed):
 *
 *     value  = "NIL" / atom / quoted / "{" n ["+"] "}" CRLF n*OCTET / "\" atom / list / kvlist / file
 *     list   = "(" [value *(SP value)] ")"
 *     kvlist = "%(" [key SP value *(SP key SP value)] ")"
 *     file   = "%{" partition SP guid SP size "}"        (its body went to the sink before)
 */
import { SyncProtocolError } from "./errors.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const PERCENT = 0x25;
const OPEN = 0x28;
const CLOSE = 0x29;
const BACKSLASH = 0x5c;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const CR = 0x0d;
const LF = 0x0a;
/** Lists inside lists: MAILBOX → RECORD → record → ANNOTATIONS → annotation is 9 deep. */
const MAX_DEPTH = 32;

export interface DlistFile {
  readonly partition: string;
  readonly guid: string;
  readonly sizeBytes: number;
}

export class DlistReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** A second reader at the same place: for values that are read later, or twice. */
  fork(): DlistReader {
    return new DlistReader(this.#bytes, this.#at);
  }

  end(): void {
    if (!this.atEnd) this.#fail("text after the end");
  }

  sp(): this {
    if (this.#bytes[this.#at] !== SPACE) this.#fail("blank expected");
    this.#at += 1;
    return this;
  }

  /** A command word or key. */
  word(): string {
    const start = this.#at;
    while (this.#at < this.#bytes.length && isAtomByte(this.#bytes[this.#at]!)) this.#at += 1;
    if (this.#at === start) this.#fail("word expected");
    return this.#bytes.toString("latin1", start, this.#at);
  }

  /** Any string form as bytes; NIL is undefined. */
  nbytes(): Buffer | undefined {
    const byte = this.#bytes[this.#at];
    if (byte === QUOTE) return this.#quoted();
    if (byte === BRACE_OPEN) return this.#literal();
    const start = this.#at;
    if (byte === BACKSLASH) this.#at += 1;
    this.word();
    const atom = this.#bytes.subarray(start, this.#at);
    return atom.length === 3 && atom.toString("latin1") === "NIL" ? undefined : atom;
  }

  bytes(): Buffer {
    return this.nbytes() ?? this.#fail("NIL where a value is needed");
  }

  /** UTF-8 text; "" for NIL, as Cyrus treats it. */
  text(): string {
    return this.nbytes()?.toString("utf8") ?? "";
  }

  /** Decimal number up to 2^53-1. */
  number(): number {
    let value = 0;
    const start = this.#at;
    for (;;) {
      const digit = (this.#bytes[this.#at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      this.#at += 1;
    }
    if (this.#at === start || value > Number.MAX_SAFE_INTEGER) this.#fail("number expected");
    return value;
  }

  /** Calls `item` at each element of a list. */
  list(item: (reader: this) => void): void {
    this.#expect(OPEN);
    this.#items(() => item(this));
  }

  /** The elements of a list, one by one: stands at each in turn; what is read of it has to be all of it. */
  *elements(): Generator<this> {
    this.#expect(OPEN);
    if (this.#bytes[this.#at] === CLOSE) {
      this.#at += 1;
      return;
    }
    for (;;) {
      yield this;
      const byte = this.#bytes[this.#at];
      this.#at += 1;
      if (byte === CLOSE) return;
      if (byte !== SPACE) this.#fail("blank or closing bracket expected");
    }
  }

  /** The same of a block whose brackets are elsewhere (`RecordSink`): up to the end of the bytes. */
  *sequence(): Generator<this> {
    for (;;) {
      if (this.#bytes[this.#at] === SPACE) this.#at += 1;
      if (this.atEnd) return;
      yield this;
    }
  }

  /** Calls `item` with each key; it must read the value (or `skip()`). */
  kvlist(item: (key: string, reader: this) => void): void {
    this.#expect(PERCENT);
    this.#expect(OPEN);
    this.#items(() => {
      const key = this.word().toUpperCase();
      this.sp();
      item(key, this);
    });
  }

  get atLiteral(): boolean {
    return this.#bytes[this.#at] === BRACE_OPEN;
  }

  get atFile(): boolean {
    return this.#bytes[this.#at] === PERCENT && this.#bytes[this.#at + 1] === BRACE_OPEN;
  }

  file(): DlistFile {
    this.#expect(PERCENT);
    this.#expect(BRACE_OPEN);
    const partition = this.word();
    const guid = this.sp().word();
    const sizeBytes = this.sp().number();
    this.#expect(BRACE_CLOSE);
    return { partition, guid, sizeBytes };
  }

  /** Passes over one value of any kind. */
  skip(depth = 0): void {
    if (depth > MAX_DEPTH) this.#fail("nested too deeply");
    if (this.atFile) {
      this.file();
      return;
    }
    if (this.#bytes[this.#at] === PERCENT) this.kvlist((_, reader) => reader.skip(depth + 1));
    else if (this.#bytes[this.#at] === OPEN) this.list((reader) => reader.skip(depth + 1));
    else this.nbytes();
  }

  #items(item: () => void): void {
    if (this.#bytes[this.#at] === CLOSE) {
      this.#at += 1;
      return;
    }
    for (;;) {
      item();
      const byte = this.#bytes[this.#at];
      this.#at += 1;
      if (byte === CLOSE) return;
      if (byte !== SPACE) this.#fail("blank or closing bracket expected");
    }
  }

  #quoted(): Buffer {
    const start = this.#at + 1;
    let end = start;
    let escaped = false;
    for (;;) {
      const byte = this.#bytes[end];
      if (byte === undefined || byte === CR || byte === LF) this.#fail("quoted string without its end");
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        escaped = true;
        end += 1;
      }
      end += 1;
    }
    this.#at = end + 1;
    const raw = this.#bytes.subarray(start, end);
    return escaped ? Buffer.from(raw.toString("latin1").replace(/\\([\s\S])/g, "$1"), "latin1") : raw;
  }

  #literal(): Buffer {
    this.#expect(BRACE_OPEN);
    const length = this.number();
    if (this.#bytes[this.#at] === 0x2b) this.#at += 1;
    this.#expect(BRACE_CLOSE);
    if (this.#bytes[this.#at] === CR) this.#at += 1;
    this.#expect(LF);
    const start = this.#at;
    if (start + length > this.#bytes.length) this.#fail("literal without its end");
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  #expect(byte: number): void {
    if (this.#bytes[this.#at] !== byte) this.#fail(`"${String.fromCharCode(byte)}" expected`);
    this.#at += 1;
  }

  #fail(message: string): never {
    const near = this.#bytes.toString("latin1", this.#at, this.#at + 20);
    throw new SyncProtocolError(`${message} at byte ${this.#at}, near ${JSON.stringify(near)}`);
  }
}

function isAtomByte(byte: number): boolean {
  if (byte <= SPACE || byte === 0x7f) return false;
  return byte !== OPEN && byte !== CLOSE && byte !== BRACE_OPEN && byte !== QUOTE && byte !== PERCENT;
}

/**
 * Reads the arguments of one command frame from left to right. Methods are named after the ABNF of RFC 9051 §9; each
 * leaves the position behind what it read or throws BAD. Strings are made only when asked for.
 */
import type { StagedBody } from "../../store/port.ts";
import type { NumberRange } from "../../wire/number-set.ts";
import { bad, type ImapRefusal } from "../refusal.ts";
import type { Frame, Literal } from "./framer.ts";

/** `*` in a sequence set: above every number. */
export const STAR = 0x1_0000_0000;

/** A set as the client wrote it; `*` is not resolved yet. */
export interface SequenceSet {
  /** `$`, RFC 9051 §6.4.4.1. */
  readonly saved: boolean;
  readonly ranges: readonly NumberRange[];
}

/** Lists and search keys may nest as deep as this. */
export const MAX_NESTING = 64;

const ATOM = 1;
const ASTRING = 2;
const DIGIT = 4;
/** What each byte may be part of: atom-char, astring-char (adds `]`), digit. */
const KIND = new Uint8Array(256);
for (let byte = 0x21; byte < 0x7f; byte++)
  if (!'(){%*"\\]'.includes(String.fromCharCode(byte))) KIND[byte] = 3;
for (let byte = 0x30; byte <= 0x39; byte++) KIND[byte] = 7;
KIND[0x5d] = ASTRING;
// UTF-8 outside quotes breaks the grammar but is what old clients send; refused names answer it better than BAD.
for (let byte = 0x80; byte < 256; byte++) KIND[byte] = ASTRING;

export class Reader {
  readonly #text: Buffer;
  readonly #literals: readonly Literal[];
  #at = 0;
  #literal = 0;
  #depth = 0;

  constructor(frame: Frame) {
    this.#text = frame.text;
    this.#literals = frame.literals;
  }

  /** The next byte, or one `ahead` of it; -1 behind the end. */
  peek(ahead = 0): number {
    return this.#text[this.#at + ahead] ?? -1;
  }

  peekIs(character: string): boolean {
    return this.#text[this.#at] === character.charCodeAt(0);
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** @throws ImapRefusal unless everything was read */
  end(): void {
    // Trailing spaces: sent by several clients, harmless.
    while (this.peek() === 0x20) this.#at++;
    if (!this.atEnd) throw this.fault("end of command");
  }

  sp(): this {
    if (this.#text[this.#at] !== 0x20) throw this.fault("space");
    this.#at++;
    return this;
  }

  /** True and past it when the next byte is `character`. */
  skip(character: string): boolean {
    if (!this.peekIs(character)) return false;
    this.#at++;
    return true;
  }

  expect(character: string): this {
    if (!this.skip(character)) throw this.fault(`"${character}"`);
    return this;
  }

  /** Past ` (` when it is next. */
  skipSpaceAnd(character: string): boolean {
    if (this.#text[this.#at] !== 0x20 || this.#text[this.#at + 1] !== character.charCodeAt(0)) return false;
    this.#at += 2;
    return true;
  }

  /** tag = 1*<any ASTRING-CHAR except "+">; undefined when there is none. */
  tag(): string | undefined {
    const end = this.#run(ASTRING);
    if (end === this.#at) return undefined;
    const tag = this.#slice(end);
    return tag.includes("+") || /[^\x21-\x7e]/.test(tag) ? undefined : tag;
  }

  atom(): string {
    const end = this.#run(ATOM);
    if (end === this.#at) throw this.fault("atom");
    return this.#slice(end);
  }

  /** An atom in upper case: names of commands, keys and options. */
  keyword(): string {
    return this.atom().toUpperCase();
  }

  /** The letters, digits, '.', '-' and '/' of a FETCH attribute or STATUS item, upper case: `BODY.PEEK` before its `[`. */
  word(): string {
    let end = this.#at;
    while (end < this.#text.length && isWordByte(this.#text[end]!)) end++;
    if (end === this.#at) throw this.fault("name");
    return this.#slice(end).toUpperCase();
  }

  /** The keyword that would come next, without reading it; "" when none. */
  peekKeyword(): string {
    return this.#text.toString("latin1", this.#at, this.#run(ATOM)).toUpperCase();
  }

  /** number = 1*DIGIT, up to 2^53-1. */
  number64(): number {
    const end = this.#run(DIGIT);
    if (end === this.#at || end - this.#at > 19) throw this.fault("number");
    const value = Number(this.#slice(end));
    // RFC 7162 §3.1 allows 63 bits; above 2^53 nothing of ours exists, so the nearest double serves as "larger".
    return value;
  }

  number(): number {
    const value = this.number64();
    if (value > 0xffff_ffff) throw bad("Number above 4294967295");
    return value;
  }

  nzNumber(): number {
    const value = this.number();
    if (value === 0) throw bad("Number must not be 0");
    return value;
  }

  /** string = quoted / literal, as bytes. */
  stringBytes(): Buffer {
    if (this.peekIs('"')) return this.#quoted();
    const literal = this.#nextLiteral(false);
    if (literal === undefined) throw this.fault("string");
    return literal;
  }

  /** UTF-8; what is not UTF-8 becomes U+FFFD. */
  string(): string {
    return this.stringBytes().toString("utf8");
  }

  nstringBytes(): Buffer | undefined {
    if (this.peekIs('"') || this.peekIs("{") || this.peekIs("~")) return this.literal8OrString();
    if (this.keyword() !== "NIL") throw this.fault("string or NIL");
    return undefined;
  }

  nstring(): string | undefined {
    return this.nstringBytes()?.toString("utf8");
  }

  /** string, or literal8 that may hold NUL (RFC 3516). */
  literal8OrString(): Buffer {
    if (this.peekIs("~")) {
      const literal = this.#nextLiteral(true);
      if (literal === undefined) throw this.fault("literal");
      return literal;
    }
    return this.stringBytes();
  }

  /**
   * A string of a server: its literals may hold NUL, too. Messages with NUL leave BODY[] as they are stored, with us and
   * with other servers, though RFC 9051 §9 keeps NUL for literal8.
   */
  receivedString(): Buffer {
    const binary = this.peekIs("~");
    if (!binary && !this.peekIs("{")) return this.stringBytes();
    const literal = this.#nextLiteral(binary, true);
    if (literal === undefined) throw this.fault("literal");
    return literal;
  }

  /** astring = 1*ASTRING-CHAR / string, as bytes. */
  astringBytes(): Buffer {
    const end = this.#run(ASTRING);
    if (end === this.#at) return this.stringBytes();
    const bytes = this.#text.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  astring(): string {
    return this.astringBytes().toString("utf8");
  }

  /** The name as the client writes it; the session knows in which encoding. */
  mailbox(): string {
    return this.astring();
  }

  /** list-mailbox = 1*list-char / string; list-char adds `%` and `*`. */
  listMailbox(): string {
    let end = this.#at;
    while (end < this.#text.length && (KIND[this.#text[end]!]! & ASTRING || isWildcard(this.#text[end]!)))
      end++;
    if (end === this.#at) return this.string();
    const text = this.#text.toString("utf8", this.#at, end);
    this.#at = end;
    return text;
  }

  /** A message: any literal, in memory or staged. */
  body(): { body: Buffer | StagedBody; binary: boolean } {
    const binary = this.skip("~");
    const literal = this.#takeLiteral();
    if (literal === undefined) throw this.fault("literal");
    return { body: literal.body, binary };
  }

  /** sequence-set = (seq-number / seq-range) *("," …) / "$". */
  sequenceSet(): SequenceSet {
    if (this.skip("$")) return { saved: true, ranges: [] };
    const ranges: NumberRange[] = [];
    do {
      const one = this.#sequenceNumber();
      const other = this.skip(":") ? this.#sequenceNumber() : one;
      ranges.push(one <= other ? { first: one, last: other } : { first: other, last: one });
    } while (this.skip(","));
    return { saved: false, ranges };
  }

  /** "(" [item *(SP item)] ")"; `item` reads one. */
  list<Item>(item: (reader: Reader) => Item): Item[] {
    this.expect("(").deeper();
    const items: Item[] = [];
    if (!this.skip(")")) {
      do items.push(item(this));
      while (this.skip(" "));
      this.expect(")");
    }
    this.shallower();
    return items;
  }

  /** Bounds recursion; pair with `shallower`. */
  deeper(): void {
    if (++this.#depth > MAX_NESTING) throw bad("Nested too deep", "LIMIT");
  }

  shallower(): void {
    this.#depth--;
  }

  /** flag = "\" atom / atom; as written. */
  flag(): string {
    return this.skip("\\") ? `\\${this.skip("*") ? "*" : this.atom()}` : this.atom();
  }

  /** flag-list, or bare flags as STORE allows them. */
  flags(): string[] {
    if (this.peekIs("(")) return this.list((reader) => reader.flag());
    const flags = [this.flag()];
    while (this.skip(" ")) flags.push(this.flag());
    return flags;
  }

  /** Everything up to `stop` (not read), as Latin-1: sections with their own grammar. */
  until(stop: string): string {
    const end = this.#text.indexOf(stop, this.#at, "latin1");
    if (end < 0) throw this.fault(`"${stop}"`);
    return this.#slice(end);
  }

  rest(): string {
    return this.#slice(this.#text.length);
  }

  fault(wanted: string): ImapRefusal {
    return bad(`Expected ${wanted} at position ${this.#at + 1}`);
  }

  #sequenceNumber(): number {
    return this.skip("*") ? STAR : this.nzNumber();
  }

  #run(kind: number): number {
    const text = this.#text;
    let end = this.#at;
    while (end < text.length && KIND[text[end]!]! & kind) end++;
    return end;
  }

  #slice(end: number): string {
    const text = this.#text.toString("latin1", this.#at, end);
    this.#at = end;
    return text;
  }

  /** quoted = DQUOTE *(any but CR, LF, '"', '\' / '\"' / '\\') DQUOTE. */
  #quoted(): Buffer {
    const start = this.#at + 1;
    const text = this.#text;
    for (let at = start; at < text.length; at++) {
      const byte = text[at]!;
      if (byte === 0x22) {
        this.#at = at + 1;
        return text.subarray(start, at);
      }
      if (byte === 0x5c) return this.#escaped(start, at);
      if (byte === 0 || byte === 13) break;
    }
    throw bad("Quoted string does not end");
  }

  #escaped(start: number, firstEscape: number): Buffer {
    const text = this.#text;
    const bytes = Buffer.allocUnsafe(text.length - start);
    let length = text.copy(bytes, 0, start, firstEscape);
    for (let at = firstEscape; at < text.length; at++) {
      let byte = text[at]!;
      if (byte === 0x22) {
        this.#at = at + 1;
        return bytes.subarray(0, length);
      }
      if (byte === 0x5c) {
        byte = text[++at] ?? 0;
        if (byte !== 0x22 && byte !== 0x5c) break;
      }
      bytes[length++] = byte;
    }
    throw bad("Quoted string does not end");
  }

  #nextLiteral(binary: boolean, mayHoldNul = binary): Buffer | undefined {
    if (binary) this.expect("~");
    const literal = this.#takeLiteral();
    if (literal === undefined) return undefined;
    if (!Buffer.isBuffer(literal.body)) throw bad("Literal too long here", "TOOBIG");
    if (!mayHoldNul && literal.body.includes(0)) throw bad("NUL in a literal");
    return literal.body;
  }

  #takeLiteral(): Literal | undefined {
    if (!this.peekIs("{")) return undefined;
    const close = this.#text.indexOf(0x7d, this.#at);
    const literal = this.#literals[this.#literal];
    if (close < 0 || literal === undefined) throw this.fault("literal");
    this.#literal++;
    this.#at = close + 1;
    return literal;
  }
}

function isWildcard(byte: number): boolean {
  return byte === 0x25 || byte === 0x2a;
}

function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2e ||
    byte === 0x2d ||
    byte === 0x2f
  );
}

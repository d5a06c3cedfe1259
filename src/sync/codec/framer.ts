/**
 * Cuts a sync protocol byte stream into lines, so that a session sees whole commands and file bodies never gather in
 * memory: they go chunk by chunk to a sink.
 *
 *     line    = text *( literal text ) CRLF
 *     literal = "{" n ["+"] "}" CRLF n*OCTET                       kept in the line, as it came
 *     file    = "%{" partition SP guid SP size "}" CRLF size*OCTET  only its header stays in the line
 *
 * Neither waits for a continuation. Source: Cyrus 3.6.1, observed.
 */
import { SyncProtocolError } from "./errors.ts";
import { findRecordList, RecordCutter, type RecordSink } from "./record-cutter.ts";

/** Bytes of a line without file bodies and without records that were cut off. */
export const MAX_LINE_BYTES = 128 * 1024 * 1024;
/** From so many bytes on the records of a line go to a sink. A full mailbox of 100,000 records is about 25 MiB. */
const MIN_CUT_BYTES = 256 * 1024;
/** Bytes that are looked at in one go. */
const CUT_STEP_BYTES = 64 * 1024;
/** Bytes of one literal that is kept in the line (annotation values, Sieve scripts). */
export const MAX_LITERAL_BYTES = 16 * 1024 * 1024;

/** Takes the body of one file literal. */
export interface FileSink {
  write(chunk: Buffer): void;
  end(): void;
}

export interface FileHeader {
  readonly partition: string;
  readonly guid: string;
  readonly sizeBytes: number;
}

export interface FrameHandlers {
  /** A complete line without its CRLF; file literals stand in it as `%{…}` followed by nothing. */
  line(bytes: Buffer): void;
  /** A file begins; its bytes go to the sink that is returned. */
  file(header: FileHeader): FileSink;
  /**
   * A long line has a RECORD list; `head` is the line up to its elements. With a sink they go there, and the line comes
   * with an empty list.
   */
  records?(head: Buffer): RecordSink | undefined;
}

const CR = 0x0d;
const LF = 0x0a;
const CLOSE = 0x7d;
const TAIL_LOOK_BYTES = 1200;
// Partition and guid have no blanks; a size above 2^53 fails the range check below.
const TAIL = /(?:%\{([^\s{}]{1,255}) ([0-9a-f]{40}) (\d{1,16})\}|\{(\d{1,16})\+?\})$/;

export class SyncFramer {
  readonly #handlers: FrameHandlers;
  #maxLiteralBytes: number;
  #maxLineBytes = MAX_LINE_BYTES;
  readonly #minCutBytes: number;
  #parts: Buffer[] = [];
  #lineBytes = 0;
  #literalLeft = 0;
  #fileLeft = 0;
  #sink: FileSink | undefined;
  /** End of a text piece that arrived without its LF yet. */
  #text: Buffer[] = [];
  #cutter: RecordCutter | undefined;
  /** The line has been looked at for records. */
  #isExamined = false;

  constructor(
    handlers: FrameHandlers,
    maxLiteralBytes = MAX_LITERAL_BYTES,
    minCutBytes: number = MIN_CUT_BYTES,
  ) {
    this.#handlers = handlers;
    this.#maxLiteralBytes = maxLiteralBytes;
    this.#minCutBytes = minCutBytes;
  }

  /** From now on lines and literals up to so many bytes. */
  bound(maxLineBytes: number, maxLiteralBytes: number): void {
    this.#maxLineBytes = maxLineBytes;
    this.#maxLiteralBytes = maxLiteralBytes;
  }

  /** True between two lines: nothing is half read. */
  get idle(): boolean {
    return this.#lineBytes === 0 && this.#text.length === 0 && this.#sink === undefined;
  }

  /** @throws SyncProtocolError when a bound is passed; the stream cannot be followed any further then. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#sink !== undefined) at = this.#takeFile(chunk, at);
      else if (this.#cutter !== undefined) at = this.#takeRecords(this.#cutter, chunk, at);
      else if (this.#literalLeft > 0) at = this.#takeLiteral(chunk, at);
      else at = this.#takeText(chunk, at);
    }
  }

  #takeFile(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#fileLeft);
    this.#sink!.write(chunk.subarray(at, end));
    this.#fileLeft -= end - at;
    if (this.#fileLeft === 0) this.#endFile();
    return end;
  }

  #endFile(): void {
    const sink = this.#sink!;
    this.#sink = undefined;
    sink.end();
  }

  #takeLiteral(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#literalLeft);
    this.#keep(chunk.subarray(at, end));
    this.#literalLeft -= end - at;
    return end;
  }

  #takeText(chunk: Buffer, at: number): number {
    const newline = chunk.indexOf(LF, at);
    const end = newline < 0 ? chunk.length : newline + 1;
    this.#text.push(chunk.subarray(at, end));
    this.#lineBytes += end - at;
    if (this.#lineBytes > this.#maxLineBytes) throw new SyncProtocolError("line too long");
    if (newline >= 0) this.#endText();
    else if (this.#lineBytes >= this.#minCutBytes && !this.#isExamined) this.#examine();
    return end;
  }

  /** Once a line, inside its text: are there records that can go to a sink? */
  #examine(): void {
    this.#isExamined = true;
    if (this.#handlers.records === undefined) return;
    const line = Buffer.concat([...this.#parts, ...this.#text]);
    const start = findRecordList(line);
    const head = start === undefined ? undefined : Buffer.from(line.subarray(0, start));
    const sink = head === undefined ? undefined : this.#handlers.records(head);
    if (head === undefined || sink === undefined) return;
    this.#cutter = new RecordCutter(sink);
    this.#parts = [head];
    this.#text = [];
    this.#lineBytes = head.length;
    this.push(line.subarray(head.length));
  }

  #takeRecords(cutter: RecordCutter, chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + CUT_STEP_BYTES);
    const closed = cutter.push(chunk.subarray(at, end), 0);
    if (closed < 0) return end;
    this.#cutter = undefined;
    return at + closed;
  }

  #endText(): void {
    const text = this.#text.length === 1 ? this.#text[0]! : Buffer.concat(this.#text);
    this.#text = [];
    const end = text.length - (text.at(-2) === CR ? 2 : 1);
    const tail =
      text[end - 1] === CLOSE
        ? TAIL.exec(text.toString("latin1", Math.max(0, end - TAIL_LOOK_BYTES), end))
        : null;
    if (tail === null) {
      this.#parts.push(text.subarray(0, end));
      this.#endLine();
      return;
    }
    if (tail[4] !== undefined) {
      this.#parts.push(text);
      this.#literalLeft = bounded(tail[4], this.#maxLiteralBytes, "literal too long");
      return;
    }
    this.#parts.push(text.subarray(0, end));
    this.#fileLeft = bounded(tail[3]!, Number.MAX_SAFE_INTEGER, "file too long");
    this.#sink = this.#handlers.file({ partition: tail[1]!, guid: tail[2]!, sizeBytes: this.#fileLeft });
    if (this.#fileLeft === 0) this.#endFile();
  }

  #keep(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#lineBytes += bytes.length;
    if (this.#lineBytes > this.#maxLineBytes) throw new SyncProtocolError("line too long");
  }

  #endLine(): void {
    const line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#lineBytes = 0;
    this.#isExamined = false;
    this.#handlers.line(line);
  }
}

function bounded(digits: string, limit: number, message: string): number {
  const value = Number(digits);
  if (!(value <= limit)) throw new SyncProtocolError(message);
  return value;
}

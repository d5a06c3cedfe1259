/**
 * Bytes of a client → command frames. A frame is the text of all lines of one command, joined, and its literals
 * apart: `a APPEND x {3}⏎` + `abc` + ` {4+}⏎` … Each literal is announced before its bytes are read, so that the
 * session can refuse it (RFC 9051 §4.3) or have it streamed to the store; nothing here is larger than its bound.
 *
 * command = line *( "{" number ["+"] "}" CRLF octets line ); a bare LF ends a line too.
 */
import { assert } from "../../base/assert.ts";
import type { StagedBody } from "../../store/port.ts";

export interface Frame {
  /** The command's text without the last line end; each literal is only its `{n}` here, the next line follows at once. */
  readonly text: Buffer;
  readonly literals: readonly Literal[];
}

export interface Literal {
  readonly sizeBytes: number;
  /** `~{n}`: may hold NUL (RFC 3516). */
  readonly binary: boolean;
  /** In memory, or staged in the store when it was streamed. */
  readonly body: Buffer | StagedBody;
}

export type FrameEvent =
  | { readonly kind: "frame"; readonly frame: Frame }
  /** Call `acceptLiteral`, `streamLiteral` or `refuseLiteral` before the next `next()`. */
  | { readonly kind: "literal"; readonly announced: AnnouncedLiteral }
  /** A piece of a literal that is streamed; after the last one call `literalStaged`. */
  | { readonly kind: "chunk"; readonly bytes: Buffer; readonly last: boolean }
  /** The text grew over its bound; the rest of the line is being thrown away. `text` is its beginning (the tag). */
  | { readonly kind: "tooLong"; readonly text: Buffer };

export interface AnnouncedLiteral {
  /** Everything of the command so far, the announcement included. */
  readonly text: Buffer;
  /** How many literals the command had before. */
  readonly index: number;
  readonly sizeBytes: number;
  /** False for `{n+}` (RFC 7888): the client does not wait. */
  readonly synchronizing: boolean;
  readonly binary: boolean;
}

/** RFC 9051 §4.3.1 literals announce 32 bits (number64 for literal8); larger numbers are no literals at all. */
const MAX_ANNOUNCED_DIGITS = 15;
/** Literals of this size have memory of their own where that is given back early. */
const APART_BYTES = 256;
const LF = 10;
const CR = 13;
const EMPTY: Buffer = Buffer.alloc(0);
const NO_LITERALS: readonly Literal[] = [];

type State = "line" | "decide" | "collect" | "stream" | "staged" | "skip" | "discardLine";

export class Framer {
  readonly #maxTextBytes: number;
  /** Unread input. */
  #input: Buffer = EMPTY;
  #at = 0;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** Nobody else has the input: its memory is given back as soon as it is read. */
  #ownsInput = false;
  /** Text of the command so far when it came in more than one piece. */
  #text: Buffer = EMPTY;
  #textLength = 0;
  /** Where the current line begins in the text: an announcement stands in the last line. */
  #lineStart = 0;
  #literals: Literal[] = [];
  #state: State = "line";
  #announced: AnnouncedLiteral | undefined;
  #collected: Buffer = EMPTY;
  /** Bytes of the literal that are still to come. */
  #missing = 0;
  /** The rest of this command is thrown away: it was answered already. */
  #discarding = false;

  constructor(maxTextBytes: number) {
    this.#maxTextBytes = maxTextBytes;
  }

  /** Input that waits unread: the session stops reading above its bound. */
  get waitingBytes(): number {
    return this.#input.length - this.#at + this.#queuedBytes;
  }

  /** Text of the command whose literal is being read; undefined between commands. */
  get pendingText(): Buffer | undefined {
    return this.#announced?.text;
  }

  /** @param isOwn nobody else holds the chunk, nor what it is a part of */
  push(chunk: Buffer, isOwn = false): void {
    this.#ownsInput = isOwn;
    // Behind what waits already, also when nothing of that was taken up yet.
    if (this.#at === this.#input.length && this.#queuedBytes === 0) {
      this.#input = chunk;
      this.#at = 0;
    } else {
      this.#queue.push(chunk);
      this.#queuedBytes += chunk.length;
    }
  }

  /** Forgets what came in the clear before STARTTLS (CVE-2011-0411). */
  clear(): void {
    this.#input = EMPTY;
    this.#at = 0;
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  /** Takes everything unread out, for COMPRESS: the bytes that follow are in another layer. */
  takeUnread(): Buffer {
    const rest = Buffer.concat([this.#input.subarray(this.#at), ...this.#queue]);
    this.clear();
    return rest;
  }

  next(): FrameEvent | undefined {
    for (;;) {
      if (this.#at === this.#input.length && !this.#refill()) {
        // An idle session holds no buffer of its socket.
        this.#take(EMPTY);
        if (this.#missing !== 0) return undefined;
      }
      let event: FrameEvent | undefined | "again";
      switch (this.#state) {
        case "line":
          event = this.#line();
          break;
        case "collect":
          event = this.#collect();
          break;
        case "stream":
          return this.#stream();
        case "skip":
          event = this.#skip();
          break;
        case "discardLine":
          event = this.#discardLine();
          break;
        case "decide":
        case "staged":
          return undefined;
      }
      if (event !== "again") return event;
    }
  }

  /** Reads the announced literal into memory. */
  acceptLiteral(): void {
    const { sizeBytes } = this.#decided();
    // A message of its own can be given back by itself; a pool waits for the last that is in it.
    const isApart = this.#ownsInput && sizeBytes >= APART_BYTES;
    this.#collected = isApart ? Buffer.allocUnsafeSlow(sizeBytes) : Buffer.allocUnsafe(sizeBytes);
    this.#missing = sizeBytes;
    this.#state = "collect";
  }

  /** Gives the announced literal out in chunks. */
  streamLiteral(): void {
    this.#missing = this.#decided().sizeBytes;
    this.#state = "stream";
  }

  literalStaged(body: StagedBody): void {
    assert(this.#state === "staged" && this.#announced !== undefined, "no literal waits to be staged");
    this.#literals.push({ sizeBytes: this.#announced.sizeBytes, binary: this.#announced.binary, body });
    this.#state = "line";
  }

  /** The command was answered: a waiting client sends no more of it, a non-waiting one is read past. */
  refuseLiteral(): void {
    const { synchronizing, sizeBytes } = this.#decided();
    this.#resetCommand();
    if (synchronizing) return;
    this.#discarding = true;
    this.#missing = sizeBytes;
    this.#state = "skip";
  }

  /** A literal that is being streamed failed on our side: the rest of the command is read past. */
  abandonCommand(): void {
    const missing = this.#missing;
    const streaming = this.#state === "stream";
    this.#resetCommand();
    this.#discarding = true;
    this.#missing = streaming ? missing : 0;
    this.#state = "skip";
  }

  #decided(): AnnouncedLiteral {
    assert(this.#state === "decide" && this.#announced !== undefined, "no literal waits for a decision");
    return this.#announced;
  }

  #refill(): boolean {
    const next = this.#queue.shift();
    if (next === undefined) return false;
    this.#queuedBytes -= next.length;
    this.#take(next);
    return true;
  }

  /** Reads on in `next`. The collector would let 64 MiB of blocks that were read gather before it looks. */
  #take(next: Buffer): void {
    const { buffer, length } = this.#input;
    this.#input = next;
    this.#at = 0;
    if (!this.#ownsInput || length === 0 || !(buffer instanceof ArrayBuffer)) return;
    if (buffer.byteLength === length) buffer.transfer(0);
  }

  #line(): FrameEvent | undefined | "again" {
    if (this.#at === this.#input.length) return undefined;
    const start = this.#at;
    const lineEnd = this.#input.indexOf(LF, start);
    const end = lineEnd < 0 ? this.#input.length : lineEnd;
    this.#at = lineEnd < 0 ? end : end + 1;
    if (this.#textLength + end - start > this.#maxTextBytes) return this.#tooLong(start, lineEnd >= 0);
    if (lineEnd < 0) {
      this.#keep(start, end);
      return "again";
    }
    let text: Buffer;
    if (this.#textLength === 0) {
      const last = end > start && this.#input[end - 1] === CR ? end - 1 : end;
      text = this.#input.subarray(start, last);
      // A frame may outlive the block that it came in.
      if (this.#ownsInput) text = Buffer.from(text);
    } else {
      this.#keep(start, end);
      if (this.#text[this.#textLength - 1] === CR) this.#textLength--;
      text = this.#text.subarray(0, this.#textLength);
    }
    const announced = announcementAt(text, this.#lineStart, this.#literals.length);
    if (announced !== undefined) {
      if (this.#textLength === 0) this.#keep(start, start + text.length);
      this.#lineStart = this.#textLength;
      this.#announced = { ...announced, text: this.#text.subarray(0, this.#textLength) };
      this.#state = "decide";
      return { kind: "literal", announced: this.#announced };
    }
    const frame: Frame = { text, literals: this.#literals.length === 0 ? NO_LITERALS : this.#literals };
    this.#resetCommand();
    return { kind: "frame", frame };
  }

  #tooLong(start: number, lineEnded: boolean): FrameEvent {
    const room = Math.min(this.#maxTextBytes - this.#textLength, 256);
    this.#keep(start, Math.min(start + room, this.#input.length));
    const text = this.#text.subarray(0, this.#textLength);
    for (const literal of this.#literals) if (!Buffer.isBuffer(literal.body)) literal.body.release();
    this.#resetCommand();
    if (!lineEnded) this.#state = "discardLine";
    return { kind: "tooLong", text };
  }

  /** Appends input to the command's own text; grows by doubling, so many small pieces cost no more than few large. */
  #keep(start: number, end: number): void {
    const needed = this.#textLength + end - start;
    if (this.#text.length < needed) {
      const grown = Buffer.allocUnsafe(
        Math.min(Math.max(needed, 2 * this.#text.length, 256), this.#maxTextBytes),
      );
      this.#text.copy(grown, 0, 0, this.#textLength);
      this.#text = grown;
    }
    this.#input.copy(this.#text, this.#textLength, start, end);
    this.#textLength = needed;
  }

  #collect(): "again" | undefined {
    const wanted = Math.min(this.#missing, this.#input.length - this.#at);
    if (wanted === 0 && this.#missing > 0) return undefined;
    this.#input.copy(this.#collected, this.#collected.length - this.#missing, this.#at, this.#at + wanted);
    this.#at += wanted;
    this.#missing -= wanted;
    if (this.#missing > 0) return "again";
    this.#literals.push({
      sizeBytes: this.#collected.length,
      binary: this.#announced?.binary ?? false,
      body: this.#collected,
    });
    this.#collected = EMPTY;
    this.#state = "line";
    return "again";
  }

  #stream(): FrameEvent | undefined {
    const wanted = Math.min(this.#missing, this.#input.length - this.#at);
    if (wanted === 0 && this.#missing > 0) return undefined;
    const bytes = this.#input.subarray(this.#at, this.#at + wanted);
    this.#at += wanted;
    this.#missing -= wanted;
    const last = this.#missing === 0;
    if (last) this.#state = "staged";
    return { kind: "chunk", bytes, last };
  }

  #skip(): "again" | undefined {
    const wanted = Math.min(this.#missing, this.#input.length - this.#at);
    this.#at += wanted;
    this.#missing -= wanted;
    if (this.#missing > 0)
      return this.#at < this.#input.length || this.#queue.length > 0 ? "again" : undefined;
    this.#state = "discardLine";
    return "again";
  }

  /** The rest of a line nobody wants. Only its last bytes matter: they may announce one more literal to skip. */
  #discardLine(): "again" | undefined {
    if (this.#at === this.#input.length) return undefined;
    const start = this.#at;
    const lineEnd = this.#input.indexOf(LF, start);
    const end = lineEnd < 0 ? this.#input.length : lineEnd;
    this.#at = lineEnd < 0 ? end : end + 1;
    const tail = Buffer.concat([
      this.#text.subarray(0, this.#textLength),
      this.#input.subarray(Math.max(start, end - TAIL_BYTES), end),
    ]).subarray(-TAIL_BYTES);
    if (lineEnd < 0) {
      this.#text = Buffer.from(tail);
      this.#textLength = tail.length;
      return "again";
    }
    const text = tail.at(-1) === CR ? tail.subarray(0, -1) : tail;
    const announced = this.#discarding ? announcementAt(text, 0, 0) : undefined;
    const skipMore = announced !== undefined && !announced.synchronizing;
    this.#resetCommand();
    if (skipMore) {
      this.#discarding = true;
      this.#missing = announced.sizeBytes;
      this.#state = "skip";
    }
    return "again";
  }

  #resetCommand(): void {
    this.#state = "line";
    this.#text = EMPTY;
    this.#textLength = 0;
    this.#lineStart = 0;
    if (this.#literals.length > 0) this.#literals = [];
    this.#announced = undefined;
    this.#collected = EMPTY;
    this.#missing = 0;
    this.#discarding = false;
  }
}

/** Longest announcement `~{999999999999999+}` with its CR. */
const TAIL_BYTES = MAX_ANNOUNCED_DIGITS + 5;

/** `{n}`, `{n+}`, `~{n}`, `~{n+}` at the very end of the text. */
function announcementAt(text: Buffer, lineStart: number, index: number): AnnouncedLiteral | undefined {
  let at = text.length - 1;
  if (at < lineStart + 2 || text[at] !== 0x7d) return undefined;
  at--;
  const synchronizing = text[at] !== 0x2b;
  if (!synchronizing) at--;
  const digitsEnd = at + 1;
  while (at >= lineStart && text[at]! >= 0x30 && text[at]! <= 0x39) at--;
  const digits = digitsEnd - at - 1;
  if (digits === 0 || digits > MAX_ANNOUNCED_DIGITS || at < lineStart || text[at] !== 0x7b) return undefined;
  const sizeBytes = Number(text.toString("latin1", at + 1, digitsEnd));
  return { text, index, sizeBytes, synchronizing, binary: at > lineStart && text[at - 1] === 0x7e };
}

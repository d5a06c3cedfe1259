/**
 * The part tree of a message in one pass over its bytes: offsets, and the few header values BODYSTRUCTURE needs.
 * RFC 2045, RFC 2046 §5.1; tolerant of bare LF, missing and clashing boundaries. No recursion: depth and number of
 * parts are bounded, what goes beyond stays an opaque body.
 */
import { HeaderScanner, MAX_FIELD_BYTES } from "./headers.ts";
import { parameter, parseParameterized, type Parameterized } from "./parameters.ts";
import type { EnvelopeFields } from "./envelope.ts";
import type { PartNode } from "./summary.ts";

/** Parts nested deeper are not looked into. */
export const MAX_DEPTH = 100;
/** Parts of one message; after that many, boundaries are no longer looked for. */
export const MAX_PARTS = 10_000;

/** A node while and after parsing; also what BODYSTRUCTURE is rendered from. */
export interface ParsedPart extends PartNode {
  lines: number;
  bodyEnd: number;
  readonly children: ParsedPart[];
  readonly container: "multipart" | "message" | undefined;
  /** Multipart or message that is not looked into because of a bound. */
  readonly opaque: boolean;
  readonly fields: PartFields;
  /** Of the top and of embedded messages. */
  readonly envelope: EnvelopeFields;
  /** Top only: RFC 5322 §3.6.4. */
  readonly references: string | undefined;
  readonly contentType: Parameterized | undefined;
}

/** Content-… values as they stand, unfolded. */
export interface PartFields {
  type?: string;
  encoding?: string;
  id?: string;
  description?: string;
  md5?: string;
  disposition?: string;
  language?: string;
  location?: string;
}

interface OpenPart {
  readonly part: ParsedPart;
  /** Undefined once closed, and for message parts. */
  boundary: Buffer | undefined;
  linesAtBody: number;
}

const NO_BOUNDARIES = new Uint16Array(256);

export function parseStructure(bytes: Buffer): ParsedPart {
  return new StructureParser(bytes).parse();
}

class StructureParser {
  readonly #bytes: Buffer;
  readonly #open: OpenPart[] = [];
  /** How many open boundaries begin with each octet: most lines that begin with "--" are dismissed by one look. */
  #firstOctets: Uint16Array = NO_BOUNDARIES;
  #openBoundaries = 0;
  #parts = 0;
  /** Line feeds counted before `#countedTo`; only differences mean anything. */
  #lineFeeds = 0;
  #countedTo = 0;
  #openMessages = 0;
  // Result of the last successful boundary search.
  #foundLevel = -1;
  #foundStart = 0;
  #foundNext = 0;
  #foundClose = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  parse(): ParsedPart {
    const root = this.#readPart(0, undefined);
    let at = this.#foundNext;
    while (this.#findBoundary(at)) {
      const level = this.#foundLevel;
      const lineStart = this.#foundStart;
      at = this.#foundNext;
      // The last part keeps the rest.
      if (this.#parts >= MAX_PARTS && !this.#foundClose) break;
      this.#closeAbove(level, this.#beforeLineBreak(lineStart));
      const holder = this.#open[level]!;
      if (this.#foundClose) {
        this.#forget(holder);
        continue;
      }
      this.#readPart(at, holder.part);
      at = this.#foundNext;
    }
    this.#closeAbove(-1, this.#bytes.length);
    return root;
  }

  /** Reads headers from `start`, opens the part, and the message inside it when it is one. Leaves `#foundNext` behind the headers. */
  #readPart(start: number, parent: ParsedPart | undefined): ParsedPart {
    let first: ParsedPart | undefined;
    let holder = parent;
    for (let at = start; ; at = this.#foundNext) {
      const part = this.#readHeaders(at, holder);
      first ??= part;
      holder?.children.push(part);
      this.#parts++;
      if (part.container !== "message") return first;
      holder = part;
    }
  }

  #readHeaders(start: number, parent: ParsedPart | undefined): ParsedPart {
    const bytes = this.#bytes;
    const scanner = new HeaderScanner(bytes, start, bytes.length);
    const fields: PartFields = {};
    const envelope: EnvelopeFields = {};
    const isMessage = parent === undefined || parent.container === "message";
    let references: string | undefined;
    let bodyStart = -1;
    while (scanner.next()) {
      // A part without a blank line ends at the next boundary all the same.
      if (
        this.#openBoundaries > 0 &&
        bytes[scanner.start] === 45 &&
        bytes[scanner.start + 1] === 45 &&
        this.#matchBoundary(scanner.start + 2) >= 0
      ) {
        bodyStart = scanner.start;
        break;
      }
      switch (scanner.nameEnd - scanner.start) {
        case 2:
          if (!isMessage) break;
          if (is(scanner, "to")) envelope.to = append(envelope.to, scanner);
          else if (is(scanner, "cc")) envelope.cc = append(envelope.cc, scanner);
          break;
        case 3:
          if (isMessage && is(scanner, "bcc")) envelope.bcc = append(envelope.bcc, scanner);
          break;
        case 4:
          if (!isMessage) break;
          if (is(scanner, "date")) envelope.date = scanner.value();
          else if (is(scanner, "from")) envelope.from = append(envelope.from, scanner);
          break;
        case 6:
          if (isMessage && is(scanner, "sender")) envelope.sender = append(envelope.sender, scanner);
          break;
        case 7:
          if (isMessage && is(scanner, "subject")) envelope.subject = scanner.value();
          break;
        case 8:
          if (isMessage && is(scanner, "reply-to")) envelope.replyTo = append(envelope.replyTo, scanner);
          break;
        case 10:
          if (is(scanner, "content-id")) fields.id = scanner.value();
          else if (isMessage && is(scanner, "message-id")) envelope.messageId = scanner.value();
          else if (parent === undefined && is(scanner, "references")) references = scanner.value();
          break;
        case 11:
          if (is(scanner, "content-md5")) fields.md5 = scanner.value();
          else if (isMessage && is(scanner, "in-reply-to")) envelope.inReplyTo = scanner.value();
          break;
        case 12:
          if (is(scanner, "content-type")) fields.type = scanner.value();
          break;
        case 16:
          if (is(scanner, "content-language")) fields.language = scanner.value();
          else if (is(scanner, "content-location")) fields.location = scanner.value();
          break;
        case 19:
          if (is(scanner, "content-description")) fields.description = scanner.value();
          else if (is(scanner, "content-disposition")) fields.disposition = scanner.value();
          break;
        case 25:
          if (is(scanner, "content-transfer-encoding")) fields.encoding = scanner.value();
          break;
      }
    }
    if (bodyStart < 0) bodyStart = scanner.bodyStart;
    this.#foundNext = bodyStart;
    return this.#openPart(start, bodyStart, parent, fields, envelope, references);
  }

  #openPart(
    start: number,
    bodyStart: number,
    parent: ParsedPart | undefined,
    fields: PartFields,
    envelope: EnvelopeFields,
    references: string | undefined,
  ): ParsedPart {
    let contentType = fields.type === undefined ? undefined : parseParameterized(fields.type);
    const slash = contentType === undefined ? -1 : contentType.value.indexOf("/");
    // RFC 2045 §5.2: what has no readable type is text/plain; RFC 2046 §5.1.5: message/rfc822 inside a digest.
    let type = "text";
    let subtype = "plain";
    if (contentType !== undefined && slash > 0 && slash < contentType.value.length - 1) {
      type = contentType.value.slice(0, slash).toLowerCase();
      subtype = contentType.value.slice(slash + 1).toLowerCase();
    } else {
      contentType = undefined;
      if (parent !== undefined && parent.type === "multipart" && parent.subtype === "digest") {
        type = "message";
        subtype = "rfc822";
      }
    }
    const isContainer =
      type === "multipart" || (type === "message" && (subtype === "rfc822" || subtype === "global"));
    const opaque =
      isContainer && (this.#open.length >= MAX_DEPTH || (type === "message" && this.#parts + 1 >= MAX_PARTS));
    const container = !isContainer || opaque ? undefined : type === "multipart" ? "multipart" : "message";
    const charset =
      type === "text" ? (contentType && parameter(contentType.parameters, "charset")) || "us-ascii" : "";
    const part: ParsedPart = {
      headerStart: start,
      bodyStart,
      bodyEnd: bodyStart,
      lines: 0,
      type,
      subtype,
      encoding: encodingToken(fields.encoding).toLowerCase(),
      charset: charset.toLowerCase(),
      children: [],
      container,
      opaque,
      fields,
      envelope,
      references,
      contentType,
    };
    const open: OpenPart = { part, boundary: undefined, linesAtBody: 0 };
    if (container === "multipart" && contentType !== undefined) {
      const boundary = parameter(contentType.parameters, "boundary");
      if (boundary !== undefined && boundary !== "") {
        open.boundary = Buffer.from(boundary, "latin1");
        if (this.#firstOctets === NO_BOUNDARIES) this.#firstOctets = new Uint16Array(256);
        this.#firstOctets[open.boundary[0]!]! += 1;
        this.#openBoundaries++;
      }
    }
    if (type === "text" || container === "message" || this.#openMessages > 0) this.#countTo(bodyStart);
    else this.#countedTo = bodyStart;
    open.linesAtBody = this.#lineFeeds;
    if (container === "message") this.#openMessages++;
    this.#open.push(open);
    return part;
  }

  #closeAbove(level: number, bodyEnd: number): void {
    let end = bodyEnd;
    while (this.#open.length - 1 > level) {
      const open = this.#open.pop()!;
      const { part } = open;
      // A part without a body may end behind the line break; then what is around it does too.
      end = Math.max(part.bodyStart, end);
      part.bodyEnd = end;
      if (part.container === "message") this.#openMessages--;
      if (part.type === "text" || part.container === "message") {
        this.#countTo(part.bodyEnd);
        part.lines = this.#lineFeeds - open.linesAtBody;
      }
      this.#forget(open);
    }
  }

  #forget(open: OpenPart): void {
    if (open.boundary === undefined) return;
    this.#firstOctets[open.boundary[0]!]! -= 1;
    this.#openBoundaries--;
    open.boundary = undefined;
  }

  /** The next line from `from` (a line start) that is a boundary of an open multipart; sets the `#found…` fields. */
  #findBoundary(from: number): boolean {
    if (this.#openBoundaries === 0) return false;
    const bytes = this.#bytes;
    let line = from;
    if (bytes[line] !== 45 || bytes[line + 1] !== 45) line = nextDashes(bytes, line);
    while (line >= 0) {
      const level = this.#matchBoundary(line + 2);
      if (level >= 0) {
        const after = line + 2 + this.#open[level]!.boundary!.length;
        const lineFeed = bytes.indexOf(10, after);
        this.#foundLevel = level;
        this.#foundStart = line;
        this.#foundNext = lineFeed < 0 ? bytes.length : lineFeed + 1;
        this.#foundClose = bytes[after] === 45 && bytes[after + 1] === 45;
        return true;
      }
      line = nextDashes(bytes, line + 1);
    }
    return false;
  }

  /**
   * RFC 2046 §5.1.1: the boundary is compared with the beginning of the line. Where one boundary is the beginning of
   * another the longest match wins; of equal ones the innermost.
   */
  #matchBoundary(at: number): number {
    const bytes = this.#bytes;
    const first = bytes[at];
    if (first === undefined || this.#firstOctets[first] === 0) return -1;
    let best = -1;
    let bestLength = 0;
    for (let level = this.#open.length - 1; level >= 0; level--) {
      const boundary = this.#open[level]!.boundary;
      if (boundary === undefined || boundary.length <= bestLength || boundary[0] !== first) continue;
      // A loop, not `compare`: nearly always the first octets differ, and the call would cost more.
      let index = 1;
      while (index < boundary.length && boundary[index] === bytes[at + index]) index++;
      if (index === boundary.length) {
        best = level;
        bestLength = boundary.length;
      }
    }
    return best;
  }

  /** The line break before a boundary belongs to the boundary (RFC 2046 §5.1.1). */
  #beforeLineBreak(lineStart: number): number {
    if (lineStart === 0 || this.#bytes[lineStart - 1] !== 10) return lineStart;
    return lineStart > 1 && this.#bytes[lineStart - 2] === 13 ? lineStart - 2 : lineStart - 1;
  }

  #countTo(to: number): void {
    const bytes = this.#bytes;
    let count = this.#lineFeeds;
    for (let at = this.#countedTo; at < to; at++) if (bytes[at] === 10) count++;
    this.#lineFeeds = count;
    if (to > this.#countedTo) this.#countedTo = to;
  }
}

const LINE_OF_DASHES = Buffer.from("\n--");

function nextDashes(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(LINE_OF_DASHES, Math.max(0, from - 1));
  return at < 0 ? -1 : at + 1;
}

/** `name` in lower case and of the length of the field's name. */
function is(scanner: HeaderScanner, name: string): boolean {
  const { bytes, start } = scanner;
  for (let index = name.length - 1; index >= 0; index--) {
    const wanted = name.charCodeAt(index);
    const byte = bytes[start + index]!;
    if (byte !== wanted && (wanted === 45 || (byte | 32) !== wanted)) return false;
  }
  return true;
}

/** Address fields that stand twice are one list (Cyrus 3.6.1); bounded like a single field. */
function append(earlier: string | undefined, scanner: HeaderScanner): string {
  const value = scanner.value();
  if (earlier === undefined) return value;
  return earlier.length > MAX_FIELD_BYTES ? earlier : `${earlier}, ${value}`;
}

/** First token of Content-Transfer-Encoding; "7bit" when there is none (RFC 2045 §6.1). */
export function encodingToken(value: string | undefined): string {
  if (value === undefined) return "7bit";
  const match = /^(?:\([^)]*\)|[ \t])*([^ \t();]+)/.exec(value);
  return match === null ? "7bit" : match[1]!;
}

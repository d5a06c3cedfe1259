/** Header fields by offsets: RFC 5322 §2.2, as tolerant as mail servers are. No strings until they are asked for. */

const LF = 10;
const CR = 13;
const COLON = 58;
const SPACE = 32;
const TAB = 9;

/** What a single header field may contribute to a summary; the rest of a longer one is ignored there. */
export const MAX_FIELD_BYTES = 256 * 1024;

/**
 * Walks the fields of one header without allocating. After `next()` returned true the numbers describe the field; after
 * it returned false `bodyStart` is the first byte after the blank line (or the end when there is none).
 */
export class HeaderScanner {
  readonly bytes: Buffer;
  readonly end: number;
  /** First byte of the field. */
  start: number;
  /** End of the name without trailing white space (RFC 5322 §4.5 allows some before the colon); equals `start` for a line without a colon. */
  nameEnd = 0;
  /** First byte after the colon. */
  valueStart = 0;
  /** After the line break: start of the next field. */
  nextStart: number;
  folded = false;
  bodyStart: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.nextStart = start;
    this.end = end;
    this.bodyStart = end;
  }

  next(): boolean {
    const { bytes, end } = this;
    let at = this.nextStart;
    if (at >= end) {
      this.bodyStart = end;
      return false;
    }
    const first = bytes[at];
    if (first === LF || (first === CR && at + 1 < end && bytes[at + 1] === LF)) {
      this.bodyStart = first === LF ? at + 1 : at + 2;
      return false;
    }
    this.start = at;
    this.folded = false;
    for (;;) {
      const lineFeed = bytes.indexOf(LF, at);
      if (lineFeed < 0 || lineFeed >= end) {
        at = end;
        break;
      }
      at = lineFeed + 1;
      const following = at < end ? bytes[at] : 0;
      if (following !== SPACE && following !== TAB) break;
      this.folded = true;
    }
    this.nextStart = at;
    this.#findName(at);
    return true;
  }

  /** Value as Latin-1, unfolded (RFC 5322 §2.2.3: only the line breaks go), without surrounding white space. */
  value(): string {
    const { bytes } = this;
    let from = this.valueStart;
    let to = Math.min(this.nextStart, from + MAX_FIELD_BYTES);
    while (from < to && isBlank(bytes[from])) from++;
    while (to > from && isBlank(bytes[to - 1])) to--;
    const text = bytes.toString("latin1", from, to);
    return this.folded ? text.replace(/\r*\n/g, "") : text;
  }

  name(): string {
    return this.bytes.toString("latin1", this.start, this.nameEnd);
  }

  #findName(limit: number): void {
    const { bytes, start } = this;
    for (let at = start; at < limit; at++) {
      const byte = bytes[at];
      if (byte === COLON) {
        this.valueStart = at + 1;
        let nameEnd = at;
        while (nameEnd > start && (bytes[nameEnd - 1] === SPACE || bytes[nameEnd - 1] === TAB)) nameEnd--;
        this.nameEnd = nameEnd;
        return;
      }
      if (byte === LF) break;
    }
    this.nameEnd = start;
    this.valueStart = start;
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB || byte === CR || byte === LF;
}

/** Offsets of the header that begins at `start`: where it ends with its blank line, which is where the body begins. */
export function headerEnd(bytes: Buffer, start = 0, end = bytes.length): number {
  let at = start;
  while (at < end) {
    if (bytes[at] === LF) return at + 1;
    if (bytes[at] === CR && at + 1 < end && bytes[at + 1] === LF) return at + 2;
    const lineFeed = bytes.indexOf(LF, at);
    if (lineFeed < 0 || lineFeed >= end) return end;
    at = lineFeed + 1;
  }
  return end;
}

/**
 * BODY[HEADER.FIELDS (…)] and HEADER.FIELDS.NOT: the matching fields as they stand, then the blank line
 * (RFC 9051 §6.4.5.1: always there except when the message has no header end at all, which servers add nevertheless).
 * `names` in lower case.
 */
export function selectFields(
  bytes: Buffer,
  start: number,
  end: number,
  names: ReadonlySet<string>,
  negate: boolean,
): Buffer {
  const scanner = new HeaderScanner(bytes, start, end);
  const kept: Buffer[] = [];
  let from = -1;
  let to = -1;
  while (scanner.next()) {
    if (names.has(scanner.name().toLowerCase()) === negate) continue;
    if (to !== scanner.start) {
      if (from >= 0) kept.push(bytes.subarray(from, to));
      from = scanner.start;
    }
    to = scanner.nextStart;
  }
  if (from >= 0) kept.push(bytes.subarray(from, to));
  const last = kept.at(-1);
  if (last !== undefined && last[last.length - 1] !== LF) kept.push(CRLF);
  kept.push(CRLF);
  return Buffer.concat(kept);
}
const CRLF = Buffer.from("\r\n");

/** Every value of one field, unfolded, as Latin-1; `name` in lower case. */
export function fieldValues(bytes: Buffer, start: number, end: number, name: string): string[] {
  const scanner = new HeaderScanner(bytes, start, end);
  const values: string[] = [];
  while (scanner.next()) {
    if (scanner.nameEnd - scanner.start === name.length && scanner.name().toLowerCase() === name) {
      values.push(scanner.value());
    }
  }
  return values;
}

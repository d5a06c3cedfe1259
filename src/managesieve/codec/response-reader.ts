/**
 * Client side: bytes in, lines of tokens out (RFC 5804 §4). A line is whole with its literals.
 *
 *     line = *(quoted / literal / atom / "(" / ")" / SP) CRLF
 */
export type Token =
  /** As written; parentheses too. */
  { readonly kind: "atom"; readonly text: string } | { readonly kind: "string"; readonly bytes: Buffer };

/** Of one line with its literals: a script of the largest size that servers take. */
const MAX_LINE_BYTES = 2 * 2 ** 20;
const MAX_TOKENS = 100;

const CR = 13;
const LF = 10;
const SPACE = 32;
const QUOTE = 34;
const OPEN = 40;
const CLOSE = 41;
const BACKSLASH = 92;
const OPEN_BRACE = 123;

export class ResponseReader {
  #bytes: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  /** After STARTTLS nothing that came in the clear may count. */
  clear(): void {
    this.#bytes = Buffer.alloc(0);
  }

  /** Undefined when no line is there whole. @throws RangeError for what is no line */
  next(): readonly Token[] | undefined {
    const tokens: Token[] = [];
    let at = 0;
    const bytes = this.#bytes;
    for (;;) {
      const byte = bytes[at];
      if (byte === undefined || tokens.length > MAX_TOKENS) break;
      if (byte === SPACE) at += 1;
      else if (byte === CR) {
        if (at + 1 >= bytes.length) break;
        if (bytes[at + 1] !== LF) throw new RangeError("a line of the server ends in CR");
        this.#bytes = bytes.subarray(at + 2);
        return tokens;
      } else {
        const token = readToken(bytes, at);
        if (token === undefined) break;
        tokens.push(token.token);
        at = token.end;
      }
    }
    if (tokens.length > MAX_TOKENS || bytes.length > MAX_LINE_BYTES) {
      throw new RangeError("a line of the server is too long");
    }
    return undefined;
  }
}

interface Read {
  readonly token: Token;
  readonly end: number;
}

/** Undefined when it is not there whole. @throws RangeError */
function readToken(bytes: Buffer, at: number): Read | undefined {
  const first = bytes[at];
  if (first === QUOTE) return readQuoted(bytes, at);
  if (first === OPEN_BRACE) return readLiteral(bytes, at);
  if (first === OPEN || first === CLOSE) {
    return { token: { kind: "atom", text: first === OPEN ? "(" : ")" }, end: at + 1 };
  }
  if (first === undefined || first < SPACE || first > 126) throw new RangeError("a line has odd bytes");
  let end = at;
  while (end < bytes.length && bytes[end]! > SPACE && bytes[end] !== OPEN && bytes[end] !== CLOSE) end += 1;
  if (end === bytes.length) return undefined;
  return { token: { kind: "atom", text: bytes.toString("latin1", at, end) }, end };
}

function readQuoted(bytes: Buffer, start: number): Read | undefined {
  const content: number[] = [];
  for (let at = start + 1; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return { token: { kind: "string", bytes: Buffer.from(content) }, end: at + 1 };
    if (byte === CR || byte === LF) throw new RangeError("a quoted string has a line end");
    if (byte === BACKSLASH) {
      at += 1;
      if (at >= bytes.length) return undefined;
    }
    content.push(bytes[at]!);
  }
  return undefined;
}

function readLiteral(bytes: Buffer, start: number): Read | undefined {
  const lineEnd = bytes.indexOf("\r\n", start);
  if (lineEnd < 0) return undefined;
  const match = /^\{(\d{1,9})\+?\}$/.exec(bytes.toString("latin1", start, lineEnd));
  const length = Number(match?.[1] ?? Number.NaN);
  if (Number.isNaN(length) || length > MAX_LINE_BYTES) throw new RangeError("a literal cannot be read");
  const from = lineEnd + 2;
  if (bytes.length < from + length) return undefined;
  return {
    token: { kind: "string", bytes: Buffer.from(bytes.subarray(from, from + length)) },
    end: from + length,
  };
}

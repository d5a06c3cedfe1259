/**
 * Tokens of a Sieve script: RFC 5228 §8.1.
 *
 *     identifier = (ALPHA / "_") *(ALPHA / DIGIT / "_")     tag = ":" identifier     number = 1*DIGIT ["K" / "M" / "G"]
 *     quoted     = DQUOTE *(safe / "\" CHAR / CRLF) DQUOTE
 *     multi-line = "text:" *(SP / HTAB) (hash-comment / CRLF) *line "." CRLF      (a leading ".." is a dot)
 */
import { SieveSyntaxError, type Position } from "./errors.ts";

export type TokenKind = "identifier" | "tag" | "number" | "string" | "punctuation" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** Identifiers and tags in lower case, without the colon; strings unescaped. */
  readonly text: string;
  readonly value: number;
  readonly position: Position;
}

const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /(\d+)([KkMmGg]?)(?![A-Za-z0-9_])/y;
const BLANK = /[ \t\r\n]+/y;
const MULTILINE = /text:[ \t]*(?:#[^\r\n]*)?\r?\n/iy;
const UNITS: Record<string, number> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };
/** RFC 5228 §2.4.1: at least 2^31 - 1. */
const MAX_NUMBER = 2 ** 53 - 1;

export class Lexer {
  readonly #source: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(source: string) {
    this.#source = source;
  }

  next(): Token {
    this.#skipBlank();
    const position = this.#position();
    const char = this.#source[this.#at];
    if (char === undefined) return { kind: "end", text: "end of script", value: 0, position };
    if (char === '"') return { kind: "string", text: this.#quoted(position), value: 0, position };
    if (this.#accept(MULTILINE) !== undefined) {
      return { kind: "string", text: this.#multiLine(position), value: 0, position };
    }
    const number = this.#match(NUMBER);
    if (number !== undefined) return this.#number(number, position);
    if (char === ":") {
      this.#at += 1;
      const tag = this.#accept(IDENTIFIER);
      if (tag === undefined) throw new SieveSyntaxError(position, "a tag needs a name after its colon");
      return { kind: "tag", text: tag.toLowerCase(), value: 0, position };
    }
    const identifier = this.#accept(IDENTIFIER);
    if (identifier !== undefined) {
      return { kind: "identifier", text: identifier.toLowerCase(), value: 0, position };
    }
    if ("(){}[],;".includes(char)) {
      this.#at += 1;
      return { kind: "punctuation", text: char, value: 0, position };
    }
    throw new SieveSyntaxError(position, `unexpected character ${JSON.stringify(char)}`);
  }

  #number(match: RegExpExecArray, position: Position): Token {
    const value = Number(match[1]) * (UNITS[match[2]!.toLowerCase()] ?? 1);
    if (value > MAX_NUMBER) throw new SieveSyntaxError(position, "number too large");
    return { kind: "number", text: match[0], value, position };
  }

  #quoted(position: Position): string {
    let text = "";
    let from = this.#at + 1;
    for (let at = from; ; at += 1) {
      const char = this.#source[at];
      if (char === undefined) throw new SieveSyntaxError(position, "this string has no closing quote");
      if (char === "\\" && at + 1 < this.#source.length) {
        text += this.#source.slice(from, at);
        at += 1;
        from = at;
      } else if (char === '"') {
        this.#advance(at + 1);
        return text + this.#source.slice(from, at);
      }
    }
  }

  #multiLine(position: Position): string {
    let text = "";
    for (;;) {
      const newline = this.#source.indexOf("\n", this.#at);
      if (newline < 0) throw new SieveSyntaxError(position, "this text: has no line with a single dot");
      const line = this.#source.slice(this.#at, newline + 1);
      this.#advance(newline + 1);
      if (line === ".\n" || line === ".\r\n") return text;
      text += line.startsWith("..") ? line.slice(1) : line;
    }
  }

  #skipBlank(): void {
    for (;;) {
      if (this.#accept(BLANK) !== undefined) continue;
      if (this.#source[this.#at] === "#") {
        const end = this.#source.indexOf("\n", this.#at);
        this.#advance(end < 0 ? this.#source.length : end + 1);
      } else if (this.#source.startsWith("/*", this.#at)) {
        const end = this.#source.indexOf("*/", this.#at + 2);
        if (end < 0) throw new SieveSyntaxError(this.#position(), "this comment has no end");
        this.#advance(end + 2);
      } else {
        return;
      }
    }
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match === null) return undefined;
    this.#advance(this.#at + match[0].length);
    return match;
  }

  #accept(pattern: RegExp): string | undefined {
    return this.#match(pattern)?.[0];
  }

  #advance(to: number): void {
    for (let newline = this.#source.indexOf("\n", this.#at); newline >= 0 && newline < to;) {
      this.#line += 1;
      this.#lineStart = newline + 1;
      newline = this.#source.indexOf("\n", newline + 1);
    }
    this.#at = to;
  }

  #position(): Position {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 };
  }
}

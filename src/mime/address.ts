/**
 * RFC 5322 §3.4 address lists with the obsolete forms of §4.4, read as mail servers read them: every octet string gives
 * some list, groups are marked, routes kept. Text is Latin-1 as it stands in the header; encoded words stay encoded.
 */
import { commentEnd, quotedEnd } from "./parameters.ts";

export interface Address {
  readonly kind: "mailbox" | "groupStart" | "groupEnd";
  /** Display name without quotes, or the comment behind a bare address; "" = none. */
  readonly name: string;
  /** Obsolete source route as written, `@a,@b`; "" = none. */
  readonly route: string;
  /** Local part without quotes; the group's name for "groupStart"; "" when missing. */
  readonly mailbox: string;
  /** "" when missing. */
  readonly host: string;
}

/** Per field; a list that goes on is cut there. */
export const MAX_ADDRESSES = 20_000;
const GROUP_END: Address = { kind: "groupEnd", name: "", route: "", mailbox: "", host: "" };

const COMMA = 44;
const SEMICOLON = 59;
const COLON = 58;
const LESS = 60;
const GREATER = 62;
const AT = 64;
const QUOTE = 34;
const PAREN = 40;
const BACKSLASH = 92;
const BRACKET = 91;

export function parseAddressList(text: string): Address[] {
  const parser = new AddressParser(text);
  return parser.list();
}

class AddressParser {
  readonly #text: string;
  #at = 0;
  #comment = "";

  constructor(text: string) {
    this.#text = text;
  }

  list(): Address[] {
    const addresses: Address[] = [];
    const text = this.#text;
    let inGroup = false;
    while (addresses.length < MAX_ADDRESSES) {
      this.#skip();
      if (this.#at >= text.length) break;
      const code = text.charCodeAt(this.#at);
      if (code === COMMA) {
        this.#at++;
        continue;
      }
      if (code === SEMICOLON) {
        this.#at++;
        if (inGroup) addresses.push(GROUP_END);
        inGroup = false;
        continue;
      }
      this.#comment = "";
      const words = this.#words();
      const stop = text.charCodeAt(this.#at);
      if (stop === COLON && !inGroup) {
        this.#at++;
        inGroup = true;
        addresses.push({ kind: "groupStart", name: "", route: "", mailbox: words.phrase, host: "" });
      } else if (stop === LESS) {
        addresses.push(this.#angle(words.phrase));
      } else if (stop === AT) {
        this.#at++;
        const host = this.#domain();
        this.#skip();
        addresses.push({ kind: "mailbox", name: this.#comment, route: "", mailbox: words.local, host });
      } else {
        if (stop === COLON || stop === GREATER) this.#at++;
        if (words.phrase.includes(" ")) {
          // Several words and no address: a name (Dovecot 2.3.19, observed).
          addresses.push({ kind: "mailbox", name: words.phrase, route: "", mailbox: "", host: "" });
        } else if (words.local !== "") {
          this.#skip();
          addresses.push({ kind: "mailbox", name: this.#comment, route: "", mailbox: words.local, host: "" });
        }
      }
    }
    if (inGroup) addresses.push(GROUP_END);
    return addresses;
  }

  /** Skips white space and comments; remembers the last comment. */
  #skip(): void {
    const text = this.#text;
    for (; this.#at < text.length; this.#at++) {
      const code = text.charCodeAt(this.#at);
      if (code === PAREN) {
        const end = commentEnd(text, this.#at);
        const closed = text.charCodeAt(end - 1) === 41 ? end - 1 : end;
        this.#comment = text
          .slice(this.#at + 1, closed)
          .replace(/\\(.)/g, "$1")
          .trim();
        this.#at = end - 1;
      } else if (code !== 32 && code !== 9 && code !== 10 && code !== 13) break;
    }
  }

  /** Atoms and quoted strings up to a character that ends them: as a phrase (words apart) and as a local part (joined). */
  #words(): { phrase: string; local: string } {
    const text = this.#text;
    let phrase = "";
    let local = "";
    for (;;) {
      const before = this.#at;
      this.#skip();
      if (this.#at >= text.length) break;
      const gap = phrase !== "" && this.#at > before ? " " : "";
      const code = text.charCodeAt(this.#at);
      let word: string;
      if (code === QUOTE) {
        word = this.#quoted();
      } else {
        const start = this.#at;
        while (this.#at < text.length && !isWordEnd(text.charCodeAt(this.#at))) {
          if (text.charCodeAt(this.#at) === BACKSLASH) this.#at++;
          this.#at++;
        }
        if (this.#at === start) break;
        if (this.#at > text.length) this.#at = text.length;
        word = text.slice(start, this.#at);
      }
      phrase += gap + word;
      local += word;
    }
    return { phrase, local };
  }

  #quoted(): string {
    const text = this.#text;
    const end = quotedEnd(text, this.#at);
    const raw = text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return raw.indexOf("\\") < 0 ? raw : raw.replace(/\\(.)/g, "$1");
  }

  /** `<route:local@host>`; stands on the "<". */
  #angle(phrase: string): Address {
    const text = this.#text;
    this.#at++;
    this.#skip();
    let route = "";
    if (text.charCodeAt(this.#at) === AT) {
      const start = this.#at;
      while (this.#at < text.length) {
        const code = text.charCodeAt(this.#at);
        if (code === COLON || code === GREATER) break;
        this.#at++;
      }
      route = text.slice(start, this.#at).replace(/[ \t]+/g, "");
      if (text.charCodeAt(this.#at) === COLON) this.#at++;
    }
    const mailbox = this.#words().local;
    let host = "";
    if (text.charCodeAt(this.#at) === AT) {
      this.#at++;
      host = this.#domain();
    }
    // Whatever else stands before the ">" is not part of any address; a comma means that the ">" was forgotten.
    let code = text.charCodeAt(this.#at);
    while (this.#at < text.length && code !== GREATER && code !== COMMA) code = text.charCodeAt(++this.#at);
    if (code === GREATER) this.#at++;
    if (phrase === "") {
      this.#skip();
      return { kind: "mailbox", name: this.#comment, route, mailbox, host };
    }
    return { kind: "mailbox", name: phrase, route, mailbox, host };
  }

  #domain(): string {
    const text = this.#text;
    let domain = "";
    for (;;) {
      this.#skip();
      const start = this.#at;
      if (text.charCodeAt(start) === BRACKET) {
        const end = text.indexOf("]", start);
        this.#at = end < 0 ? text.length : end + 1;
      } else {
        while (this.#at < text.length && !isWordEnd(text.charCodeAt(this.#at))) this.#at++;
      }
      if (this.#at === start) return domain;
      domain += text.slice(start, this.#at);
    }
  }
}

function isWordEnd(code: number): boolean {
  switch (code) {
    case COMMA:
    case SEMICOLON:
    case COLON:
    case LESS:
    case GREATER:
    case AT:
    case QUOTE:
    case PAREN:
    case 32:
    case 9:
    case 10:
    case 13:
      return true;
    default:
      return false;
  }
}

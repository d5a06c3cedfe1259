/**
 * Pull reader for the WBXML that ActiveSync uses: MS-ASWBXML §2.1, WAP-192-WBXML §5. No tree is built.
 *
 *     document = version publicid charset string-table *token
 *     token    = SWITCH_PAGE page / END / STR_I text %x00 / OPAQUE length octets / tag
 *     tag      = %x05-3F, +%x40 = has content, +%x80 = has attributes (none in ActiveSync)
 */
import { nameOf, type Tag } from "./code-pages.ts";

/** Elements inside elements; ActiveSync needs about 12. */
const MAX_DEPTH = 64;
const VERSIONS = new Set([1, 2, 3]);
const UTF8 = 106;

export class WbxmlError extends Error {
  override name = "WbxmlError";
}

export type WbxmlEvent =
  | { readonly kind: "start"; readonly tag: Tag; readonly empty: boolean }
  | { readonly kind: "end" }
  | { readonly kind: "text"; readonly bytes: Buffer }
  | { readonly kind: "opaque"; readonly bytes: Buffer };

const SWITCH_PAGE = 0x00;
const END = 0x01;
const ENTITY = 0x02;
const STR_I = 0x03;
const STR_T = 0x83;
const OPAQUE = 0xc3;
const CONTENT = 0x40;
const ATTRIBUTES = 0x80;
const TOKEN = 0x3f;

export class WbxmlReader {
  readonly #bytes: Buffer;
  #at = 0;
  #page = 0;
  #depth = 0;

  /** @throws WbxmlError when the header is not WBXML 1.1–1.3 in UTF-8 */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    if (!VERSIONS.has(this.#byte())) throw new WbxmlError("unknown WBXML version");
    this.#number();
    if (this.#number() !== UTF8) throw new WbxmlError("character set is not UTF-8");
    const tableBytes = this.#number();
    this.#take(tableBytes);
  }

  /** The next event; undefined at the end of the document. @throws WbxmlError */
  next(): WbxmlEvent | undefined {
    while (this.#at < this.#bytes.length) {
      const token = this.#byte();
      if (token === SWITCH_PAGE) {
        this.#page = this.#byte();
        continue;
      }
      if (token === END) {
        if (this.#depth === 0) throw new WbxmlError("end without start");
        this.#depth -= 1;
        return { kind: "end" };
      }
      if (token === STR_I) return { kind: "text", bytes: this.#inlineString() };
      if (token === OPAQUE) return { kind: "opaque", bytes: this.#take(this.#number()) };
      return this.#start(token);
    }
    if (this.#depth !== 0) throw new WbxmlError("document ends inside an element");
    return undefined;
  }

  /** Passes over the rest of the element whose start event came last. */
  skip(start: Extract<WbxmlEvent, { kind: "start" }>): void {
    if (start.empty) return;
    const outside = this.#depth - 1;
    while (this.#depth > outside) {
      if (this.next() === undefined) return;
    }
  }

  #start(token: number): WbxmlEvent {
    const unsupported = token === ENTITY || token === STR_T || (token & ATTRIBUTES) !== 0;
    const code = token & TOKEN;
    if (unsupported || code < 5)
      throw new WbxmlError(`token 0x${token.toString(16)} is not used by ActiveSync`);
    const tag = (this.#page << 8) | code;
    if (nameOf(tag) === undefined) {
      throw new WbxmlError(`unknown tag 0x${code.toString(16)} in code page ${this.#page}`);
    }
    const empty = (token & CONTENT) === 0;
    if (!empty) this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new WbxmlError("elements are nested too deeply");
    return { kind: "start", tag, empty };
  }

  #inlineString(): Buffer {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new WbxmlError("string without its end");
    const text = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new WbxmlError("document is cut off");
    this.#at += 1;
    return byte;
  }

  /** mb_u_int32: seven bits a byte, most significant first. */
  #number(): number {
    let value = 0;
    for (let count = 0; count < 5; count += 1) {
      const byte = this.#byte();
      value = value * 128 + (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    throw new WbxmlError("number too long");
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new WbxmlError("document is cut off");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

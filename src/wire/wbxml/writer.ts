/** Writes WBXML 1.3 as ActiveSync wants it: MS-ASWBXML §2.1.1. Grows one buffer; bodies are copied once. */
import type { Tag } from "./code-pages.ts";

/** Version 1.3, unknown public id, UTF-8, no string table. */
const HEADER = Buffer.from([0x03, 0x01, 0x6a, 0x00]);
const SWITCH_PAGE = 0x00;
const END = 0x01;
const STR_I = 0x03;
const OPAQUE = 0xc3;
const CONTENT = 0x40;
const FIRST_BYTES = 4096;

export class WbxmlWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = HEADER.copy(this.#buffer);
  #page = 0;
  #open = 0;

  /** Starts an element that has content. */
  start(tag: Tag): this {
    this.#tag(tag, CONTENT);
    this.#open += 1;
    return this;
  }

  end(): this {
    this.#room(1);
    this.#buffer[this.#length++] = END;
    this.#open -= 1;
    return this;
  }

  empty(tag: Tag): this {
    this.#tag(tag, 0);
    return this;
  }

  /** An element with text; "" gives an empty element. Characters that XML 1.0 does not allow are left out. */
  text(tag: Tag, value: string | number): this {
    if (value === "") return this.empty(tag);
    return this.start(tag).inline(String(value)).end();
  }

  /** Text inside the element that is open. */
  inline(value: string): this {
    const clean = withoutControls(value);
    this.#room(clean.length * 3 + 2);
    this.#buffer[this.#length++] = STR_I;
    this.#length += this.#buffer.write(clean, this.#length, "utf8");
    this.#buffer[this.#length++] = 0;
    return this;
  }

  /** UTF-8 bytes that are known to hold no control characters, so that a body is copied once and not decoded. */
  inlineBytes(bytes: Uint8Array): this {
    this.#room(bytes.length + 2);
    this.#buffer[this.#length++] = STR_I;
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#buffer[this.#length++] = 0;
    return this;
  }

  opaque(bytes: Uint8Array): this {
    this.#room(bytes.length + 6);
    this.#buffer[this.#length++] = OPAQUE;
    this.#number(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  get lengthBytes(): number {
    return this.#length;
  }

  /** A place to come back to when an item turns out to be bad half way. */
  mark(): { readonly length: number; readonly page: number; readonly open: number } {
    return { length: this.#length, page: this.#page, open: this.#open };
  }

  rewind(mark: { readonly length: number; readonly page: number; readonly open: number }): void {
    this.#length = mark.length;
    this.#page = mark.page;
    this.#open = mark.open;
  }

  /** The document; every element must be closed. */
  finish(): Buffer {
    if (this.#open !== 0) throw new Error(`${this.#open} elements are not closed`);
    return this.#buffer.subarray(0, this.#length);
  }

  #tag(tag: Tag, content: number): void {
    this.#room(3);
    const page = tag >> 8;
    if (page !== this.#page) {
      this.#buffer[this.#length++] = SWITCH_PAGE;
      this.#buffer[this.#length++] = page;
      this.#page = page;
    }
    this.#buffer[this.#length++] = (tag & 0x3f) | content;
  }

  #number(value: number): void {
    for (let shift = 28; shift > 0; shift -= 7) {
      if (value >= 2 ** shift) this.#buffer[this.#length++] = 0x80 | (Math.floor(value / 2 ** shift) & 0x7f);
    }
    this.#buffer[this.#length++] = value & 0x7f;
  }

  #room(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** XML 1.0 §2.2 allows TAB, LF and CR below space; a NUL would end the string. */
function withoutControls(value: string): string {
  return CONTROLS.test(value) ? value.replace(ALL_CONTROLS, "") : value;
}
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const ALL_CONTROLS = new RegExp(CONTROLS.source, "g");

/** How values are written in responses: RFC 9051 §4.3 strings, §5.1 mailbox names, §9 astring. */
import type { Output } from "../../wire/output.ts";

/** Longer quoted strings are legal but break clients with line buffers. */
const MAX_QUOTED_CHARACTERS = 1024;

/** Quoted where it can be, else a literal. `utf8`: quoted strings may hold UTF-8 (RFC 6855 §3, RFC 9051 §4.3). */
export function writeString(out: Output, text: string, utf8 = false): void {
  if (text.length <= MAX_QUOTED_CHARACTERS) {
    if (/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(text)) {
      out.ascii(`"${text}"`);
      return;
    }
    if (/^[\x20-\x7e]*$/.test(text)) {
      out.ascii(`"${text.replaceAll(/["\\]/g, "\\$&")}"`);
      return;
    }
    if (utf8 && !/[\0\r\n]/.test(text)) {
      out.bytes(Buffer.from(`"${text.replaceAll(/["\\]/g, "\\$&")}"`, "utf8"));
      return;
    }
  }
  writeLiteral(out, Buffer.from(text, "utf8"));
}

export function writeNstring(out: Output, text: string | undefined, utf8 = false): void {
  if (text === undefined) out.ascii("NIL");
  else writeString(out, text, utf8);
}

/** An atom where it can be: mailbox names. */
export function writeAstring(out: Output, text: string, utf8 = false): void {
  if (/^[A-Za-z0-9!#$&'+,\-./:;<=>?@[\]^_`|}~]+$/.test(text) && text.toUpperCase() !== "NIL") out.ascii(text);
  else writeString(out, text, utf8);
}

/** Octets as they are: quoted where they can be, else a literal, a literal8 when a NUL is among them. */
export function writeBytes(out: Output, bytes: Buffer): void {
  if (bytes.includes(0)) writeLiteral8(out, bytes);
  else if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) writeString(out, bytes.toString("latin1"));
  else writeLiteral(out, bytes);
}

export function writeLiteral(out: Output, bytes: Uint8Array): void {
  out.ascii("{").number(bytes.length).ascii("}\r\n").bytes(bytes);
}

/** RFC 3516: where a NUL may be in it. */
export function writeLiteral8(out: Output, bytes: Uint8Array): void {
  out.ascii("~{").number(bytes.length).ascii("}\r\n").bytes(bytes);
}

/** Text of a response line: printable, no line breaks. */
export function lineText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?");
}

/** quoted, of printable characters: tags. */
export function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** Header fields of mail that we write (RFC 5322 §3.6), from Unicode text. */
import { headerLine } from "../../../mime/build.ts";
import { encodeHeader } from "../../../mime/encoded-word.ts";
import { HeaderScanner } from "../../../mime/headers.ts";
import { type MailAddress, readAddresses } from "../mail-header.ts";

/** `text` is Unicode, as devices send it. */
export function parseAddresses(text: string): readonly MailAddress[] {
  return readAddresses(Buffer.from(text).toString("latin1"));
}

/** "" when the list is empty. */
export function addressField(name: string, list: readonly MailAddress[]): string {
  const printed = list.map(printEncoded).filter((text) => text !== "");
  return printed.length === 0 ? "" : headerLine(name, printed.join(", "));
}

function printEncoded({ name, address }: MailAddress): string {
  if (address === "") return "";
  const clean = address.replace(/[\s<>\p{Cc}]/gu, "");
  if (name === "" || name === address) return `<${clean}>`;
  const flat = name.replace(/[\r\n\0]+/g, " ");
  const shown = /^[\x20-\x7e]*$/.test(flat) ? `"${flat.replace(/(["\\])/g, "\\$1")}"` : encodeHeader(flat);
  return `${shown} <${clean}>`;
}

/** The fields of a header as they stand, without those in `leftOut` (lower case). Ends with a line break, no blank line. */
export function copyFields(bytes: Buffer, bodyStart: number, leftOut: (name: string) => boolean): Buffer {
  const scanner = new HeaderScanner(bytes, 0, bodyStart);
  const kept: Buffer[] = [];
  while (scanner.next()) {
    if (scanner.nameEnd === scanner.start || leftOut(scanner.name().toLowerCase())) continue;
    kept.push(bytes.subarray(scanner.start, scanner.nextStart));
  }
  const all = Buffer.concat(kept);
  return all.length === 0 || all[all.length - 1] === 10 ? all : Buffer.concat([all, Buffer.from("\r\n")]);
}

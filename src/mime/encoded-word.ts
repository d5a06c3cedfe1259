/** RFC 2047 encoded words and RFC 2231 values to text, tolerant of what real mailers write. */
import { decodeCharset, decodeUnlabelled } from "./charset.ts";
import { decodeQuotedPrintable } from "./transfer.ts";

/** `=?charset*language?encoding?text?=`; spaces inside the text are wrong but common. */
const ENCODED_WORD = /=\?([^?*\s]{1,60})(?:\*[^?]{0,60})?\?([bBqQ])\?([^?]*)\?=/g;

/** Decodes a header value given as Latin-1 octets: encoded words, and raw 8-bit text as UTF-8 or windows-1252. */
export function decodeHeader(value: string): string {
  if (value.indexOf("=?") < 0) return decodeRaw(value);
  let text = "";
  let from = 0;
  let pending: Buffer[] = [];
  let pendingCharset = "";
  const flush = () => {
    if (pending.length === 0) return;
    text += decodeCharset(pending.length === 1 ? pending[0]! : Buffer.concat(pending), pendingCharset);
    pending = [];
  };
  for (const match of value.matchAll(ENCODED_WORD)) {
    const between = value.slice(from, match.index);
    // White space between two encoded words is not shown (RFC 2047 §6.2).
    if (pending.length === 0 || /[^ \t\r\n]/.test(between)) {
      flush();
      text += decodeRaw(between);
    }
    const charset = match[1]!.toLowerCase();
    // Characters split over two words of the same charset are put together again (forbidden by §5, seen every day).
    if (charset !== pendingCharset) flush();
    pendingCharset = charset;
    const encoded = match[3]!;
    pending.push(
      match[2] === "b" || match[2] === "B"
        ? Buffer.from(encoded, "base64")
        : decodeQuotedPrintable(Buffer.from(encoded.replaceAll("_", " "), "latin1"), true),
    );
    from = match.index + match[0].length;
  }
  flush();
  return text + decodeRaw(value.slice(from));
}

function decodeRaw(value: string): string {
  return /[\x80-\xff]/.test(value) ? decodeUnlabelled(Buffer.from(value, "latin1")) : value;
}

/** RFC 2231 §4 `charset'language'percent-encoded`. */
export function decodeExtendedValue(value: string): string {
  const match = /^([^']{0,60})'[^']{0,60}'(.*)$/s.exec(value);
  const charset = match === null ? "utf-8" : match[1]!;
  const octets = (match === null ? value : match[2]!).replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return decodeCharset(Buffer.from(octets, "latin1"), charset);
}

/** Encodes text for a generated header where it is not plain ASCII: B words of 64 characters, so that the first fits behind its field name (75 are allowed: RFC 2047 §2). */
export function encodeHeader(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && !text.includes("=?")) return text;
  const words: string[] = [];
  let chunk = "";
  for (const char of text.replace(/[\r\n]+/g, " ")) {
    if (Buffer.byteLength(chunk + char) > 39) {
      words.push(chunk);
      chunk = "";
    }
    chunk += char;
  }
  if (chunk !== "") words.push(chunk);
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString("base64")}?=`).join(" ");
}

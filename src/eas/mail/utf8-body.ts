/** Text as WBXML carries it: UTF-8 without the characters that XML 1.0 does not allow, cut between characters. */

/** XML 1.0 §2.2: also no half surrogate pairs, which become U+FFFD when they are encoded. */
const NOT_ALLOWED = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const ALL_NOT_ALLOWED = new RegExp(NOT_ALLOWED.source, "g");

export function toXmlUtf8(text: string): Buffer {
  return Buffer.from(NOT_ALLOWED.test(text) ? text.replace(ALL_NOT_ALLOWED, "") : text, "utf8");
}

/** At most `maxBytes` of UTF-8 text, never ending inside of a character. */
export function cutUtf8(bytes: Buffer, maxBytes: number): Buffer {
  if (bytes.length <= maxBytes) return bytes;
  let end = maxBytes;
  // A byte 10xxxxxx goes on with a character that began earlier.
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

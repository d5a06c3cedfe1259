/**
 * Modified UTF-7, the form mailbox names have on disk, in IMAP4rev1 and in the sync protocol (RFC 3501 §5.1.3).
 *
 * Strict both ways: what decodes encodes to the same bytes again, so a name has exactly one spelling.
 */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";
const DIGIT_OF = new Int8Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i += 1) DIGIT_OF[ALPHABET.charCodeAt(i)] = i;

const AMPERSAND = 0x26;
const MINUS = 0x2d;

function isPrintableAscii(unit: number): boolean {
  return unit >= 0x20 && unit <= 0x7e;
}

/** `Entwürfe & mehr` → `Entw&APw-rfe &- mehr`. Lone surrogates become U+FFFD: they have no UTF-8 form. */
export function encodeMutf7(text: string): string {
  let plain = true;
  for (let i = 0; i < text.length && plain; i += 1) {
    const unit = text.charCodeAt(i);
    plain = isPrintableAscii(unit) && unit !== AMPERSAND;
  }
  if (plain) return text;
  const wellFormed = text.toWellFormed();
  let out = "";
  for (let i = 0; i < wellFormed.length;) {
    const unit = wellFormed.charCodeAt(i);
    if (unit === AMPERSAND) {
      out += "&-";
      i += 1;
    } else if (isPrintableAscii(unit)) {
      out += wellFormed[i];
      i += 1;
    } else {
      const start = i;
      while (i < wellFormed.length && !isPrintableAscii(wellFormed.charCodeAt(i))) i += 1;
      out += `&${encodeRun(wellFormed, start, i)}-`;
    }
  }
  return out;
}

function encodeRun(text: string, start: number, end: number): string {
  let out = "";
  let bits = 0;
  let held = 0;
  for (let i = start; i < end; i += 1) {
    bits = (bits << 16) | text.charCodeAt(i);
    held += 16;
    while (held >= 6) {
      held -= 6;
      out += ALPHABET[(bits >> held) & 63];
    }
    bits &= (1 << held) - 1;
  }
  if (held > 0) out += ALPHABET[(bits << (6 - held)) & 63];
  return out;
}

/**
 * The text of a name, or undefined when it breaks a rule of RFC 3501 §5.1.3: 8-bit or control characters, an unclosed
 * or empty shift, printable ASCII inside one, two shifts that should be one, non-zero padding, lone surrogates.
 */
export function decodeMutf7(name: string): string | undefined {
  let out = "";
  let afterShift = false;
  for (let i = 0; i < name.length;) {
    const unit = name.charCodeAt(i);
    if (!isPrintableAscii(unit)) return undefined;
    if (unit !== AMPERSAND) {
      out += name[i];
      i += 1;
      afterShift = false;
    } else if (name.charCodeAt(i + 1) === MINUS) {
      out += "&";
      i += 2;
      afterShift = false;
    } else {
      const end = name.indexOf("-", i + 1);
      if (end < 0 || afterShift) return undefined;
      const run = decodeRun(name, i + 1, end);
      if (run === undefined) return undefined;
      out += run;
      i = end + 1;
      afterShift = true;
    }
  }
  return out;
}

function decodeRun(name: string, start: number, end: number): string | undefined {
  let out = "";
  let bits = 0;
  let held = 0;
  for (let i = start; i < end; i += 1) {
    const digit = DIGIT_OF[name.charCodeAt(i)] ?? -1;
    if (digit < 0) return undefined;
    bits = (bits << 6) | digit;
    held += 6;
    if (held >= 16) {
      held -= 16;
      const unit = (bits >> held) & 0xffff;
      if (isPrintableAscii(unit)) return undefined;
      out += String.fromCharCode(unit);
      bits &= (1 << held) - 1;
    }
  }
  // A whole unused digit, or padding that is not zero, would give the name a second spelling.
  if (held >= 6 || bits !== 0) return undefined;
  return out.isWellFormed() ? out : undefined;
}

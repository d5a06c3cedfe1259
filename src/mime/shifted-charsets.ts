/** Charsets of two octets a character that are switched to inside of 7-bit text: ISO-2022-KR (RFC 1557), HZ (RFC 1843). */
import iconv from "iconv-lite";

const SHIFT_OUT = 0x0e;
const SHIFT_IN = 0x0f;
const TILDE = 0x7e;
const ESCAPE = 0x1b;

export function isShiftedCharset(key: string): boolean {
  return key === "iso-2022-kr" || key === "csiso2022kr" || key === "hz-gb-2312" || key === "hz";
}

/** `key` is one of those of `isShiftedCharset`. */
export function decodeShifted(bytes: Buffer, key: string): string {
  return key.startsWith("hz") ? decodeHz(bytes) : decodeIso2022Kr(bytes);
}

/** The designation ESC $ ) C stands once; then SO and SI switch. */
function decodeIso2022Kr(bytes: Buffer): string {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let shifted = false;
  for (let at = 0; at < bytes.length; at++) {
    const octet = bytes[at]!;
    if (octet === SHIFT_OUT) shifted = true;
    else if (octet === SHIFT_IN) shifted = false;
    else if (octet === ESCAPE && bytes.toString("latin1", at + 1, at + 4) === "$)C") at += 3;
    else {
      // A line begins in ASCII (RFC 1557 §2.1).
      if (octet === 10) shifted = false;
      out[length++] = shifted && octet > 0x20 ? octet | 0x80 : octet;
    }
  }
  return iconv.decode(out.subarray(0, length), "euc-kr");
}

/** `~{` and `~}` switch, `~~` is a tilde, a tilde at the end of a line joins it with the next. */
function decodeHz(bytes: Buffer): string {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let shifted = false;
  for (let at = 0; at < bytes.length; at++) {
    const octet = bytes[at]!;
    const next = bytes[at + 1];
    if (octet === TILDE && (next === 0x7b || next === 0x7d || next === 10 || (next === TILDE && !shifted))) {
      if (next === TILDE) out[length++] = TILDE;
      else if (next !== 10) shifted = next === 0x7b;
      at++;
    } else {
      if (octet === 10) shifted = false;
      out[length++] = shifted && octet > 0x20 ? octet | 0x80 : octet;
    }
  }
  return iconv.decode(out.subarray(0, length), "gb2312");
}

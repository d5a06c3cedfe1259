/** Octets of a named charset to text. Unknown charsets are read as UTF-8 when they are valid UTF-8, else as windows-1252. */
import iconv from "iconv-lite";
import { isUtf8 } from "node:buffer";
import { decodeShifted, isShiftedCharset } from "./shifted-charsets.ts";

/** Lower case → what iconv-lite knows under another name, or does not know at all. */
const ALIASES = new Map<string, string>([
  ["iso-8859-8-i", "iso-8859-8"],
  ["iso-8859-8-e", "iso-8859-8"],
  ["ks_c_5601-1987", "cp949"],
  ["x-user-defined", "windows-1252"],
  ["unicode-1-1-utf-7", "utf-7"],
  ["utf-7", "utf-7"],
  ["x-unknown", ""],
  ["unknown-8bit", ""],
  ["iso-2022-jp", "iso-2022-jp"],
]);

const UTF8_NAMES = new Set(["utf-8", "utf8", "us-ascii", "ascii", "unicode-1-1-utf-8", ""]);

/** True when `decodeCharset` has a real table for it: SEARCH CHARSET refuses others with BADCHARSET (RFC 9051 §6.4.4). */
export function isKnownCharset(name: string): boolean {
  const key = name.toLowerCase();
  if (isShiftedCharset(key)) return true;
  return UTF8_NAMES.has(key) || isIso2022Jp(key) || iconv.encodingExists(ALIASES.get(key) ?? key);
}

/** Never throws; what cannot be read becomes U+FFFD. */
export function decodeCharset(bytes: Buffer, charset: string): string {
  const key = charset.toLowerCase();
  if (UTF8_NAMES.has(key)) return decodeUnlabelled(bytes);
  if (isIso2022Jp(key)) return new TextDecoder("iso-2022-jp").decode(bytes);
  if (isShiftedCharset(key)) return decodeShifted(bytes, key);
  const name = ALIASES.get(key) ?? key;
  // A longer "name" is no charset, and iconv-lite remembers every name it is asked about.
  if (name === "" || name.length > 40 || !iconv.encodingExists(name)) return decodeUnlabelled(bytes);
  try {
    return iconv.decode(bytes, name, { stripBOM: true });
  } catch {
    return decodeUnlabelled(bytes);
  }
}

/** Text that should be ASCII or UTF-8: valid UTF-8 is taken as such, anything else as windows-1252. */
export function decodeUnlabelled(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString("utf8", 0, bytes.length) : iconv.decode(bytes, "windows-1252");
}

function isIso2022Jp(key: string): boolean {
  return key.startsWith("iso-2022-jp");
}

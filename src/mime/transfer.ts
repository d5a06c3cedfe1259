/** Content-Transfer-Encoding: RFC 2045 §6, and the uuencode of old mailers. Broken input gives what can be read. */

export type TransferEncoding = "base64" | "quoted-printable" | "uuencode" | "identity";

/** `encoding` as the header says, any case. */
export function transferEncodingOf(encoding: string): TransferEncoding | undefined {
  switch (encoding.toLowerCase()) {
    case "7bit":
    case "8bit":
    case "binary":
    case "":
      return "identity";
    case "base64":
      return "base64";
    case "quoted-printable":
      return "quoted-printable";
    case "x-uuencode":
    case "x-uue":
    case "uuencode":
      return "uuencode";
    default:
      return undefined;
  }
}

/** Whole body at once; an unknown encoding is returned as it stands (BINARY answers UNKNOWN-CTE: RFC 3516 §4.3). */
export function decodeTransfer(bytes: Buffer, encoding: string): Buffer {
  switch (transferEncodingOf(encoding)) {
    case "base64":
      return decodeBase64(bytes);
    case "quoted-printable":
      return decodeQuotedPrintable(bytes, false);
    case "uuencode":
      return decodeUuencode(bytes);
    default:
      return bytes;
  }
}

/** Base64 texts put one behind the other; a body with more padding than that is none. */
const MAX_BASE64_PIECES = 1_000;

/** Ignores everything outside the alphabet; goes on after padding in the middle (concatenated base64 of some mailers). */
export function decodeBase64(bytes: Buffer): Buffer {
  const padding = bytes.indexOf(0x3d);
  if (padding < 0) return Buffer.from(bytes.toString("latin1", 0, bytes.length), "base64");
  const pieces: Buffer[] = [];
  let from = 0;
  while (from < bytes.length && pieces.length < MAX_BASE64_PIECES) {
    const pad = bytes.indexOf(0x3d, from);
    const end = pad < 0 ? bytes.length : pad;
    if (end > from) pieces.push(Buffer.from(bytes.toString("latin1", from, end), "base64"));
    from = end + 1;
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

/** `inHeader`: RFC 2047 Q, where a line end has no meaning. */
export function decodeQuotedPrintable(bytes: Buffer, inHeader: boolean): Buffer {
  let equals = bytes.indexOf(0x3d);
  if (equals < 0) return bytes;
  const decoded = Buffer.allocUnsafe(bytes.length);
  let out = 0;
  let at = 0;
  while (equals >= 0) {
    out += bytes.copy(decoded, out, at, equals);
    const high = hexValue(bytes[equals + 1]);
    const low = hexValue(bytes[equals + 2]);
    if (high >= 0 && low >= 0) {
      decoded[out++] = (high << 4) | low;
      at = equals + 3;
    } else {
      const next = inHeader ? -1 : softBreakEnd(bytes, equals + 1);
      if (next >= 0) at = next;
      else {
        decoded[out++] = 0x3d;
        at = equals + 1;
      }
    }
    equals = bytes.indexOf(0x3d, at);
  }
  out += bytes.copy(decoded, out, at);
  return decoded.subarray(0, out);
}

/** After `=`: position behind optional white space and the line break, or -1. */
function softBreakEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 32 || bytes[at] === 9) at++;
  if (at >= bytes.length) return at;
  if (bytes[at] === 13 && bytes[at + 1] === 10) return at + 2;
  return bytes[at] === 10 ? at + 1 : -1;
}

function hexValue(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** From the `begin` line to `end`; without a begin line nothing is decoded. */
export function decodeUuencode(bytes: Buffer): Buffer {
  let at = bytes.indexOf("begin ");
  if (at < 0) return bytes;
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (at = bytes.indexOf(10, at) + 1; at > 0 && at < bytes.length;) {
    const lineFeed = bytes.indexOf(10, at);
    const end = lineFeed < 0 ? bytes.length : lineFeed;
    let left = (bytes[at]! - 32) & 63;
    if (left === 0 || bytes.toString("latin1", at, at + 3) === "end") break;
    for (let from = at + 1; left > 0 && from < end; from += 4, left -= 3) {
      const word =
        (sixBits(bytes, from, end) << 18) |
        (sixBits(bytes, from + 1, end) << 12) |
        (sixBits(bytes, from + 2, end) << 6) |
        sixBits(bytes, from + 3, end);
      out[length++] = word >> 16;
      if (left > 1) out[length++] = (word >> 8) & 255;
      if (left > 2) out[length++] = word & 255;
    }
    at = end + 1;
  }
  return out.subarray(0, length);
}

function sixBits(bytes: Buffer, at: number, end: number): number {
  return at < end ? (bytes[at]! - 32) & 63 : 0;
}

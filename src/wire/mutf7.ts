/**
 * Modified UTF-7 of mailbox names: RFC 3501 §5.1.3. Base64 with ',' for '/', no padding, over UTF-16 big-endian;
 * '&' itself is "&-"; printable US-ASCII stands for itself and only so.
 */

/** Text of a modified UTF-7 name; undefined when it is not well formed (so that one name has one form). */
export function decodeMutf7(name: string): string | undefined {
  if (/^[\x20-\x25\x27-\x7e]*$/.test(name)) return name;
  let text = "";
  let at = 0;
  while (at < name.length) {
    const code = name.charCodeAt(at);
    if (code < 0x20 || code > 0x7e) return undefined;
    if (code !== AMPERSAND) {
      text += name.charAt(at++);
      continue;
    }
    const end = name.indexOf("-", at);
    if (end < 0) return undefined;
    if (end === at + 1) text += "&";
    else {
      const shifted = decodeShifted(name.slice(at + 1, end));
      if (shifted === undefined) return undefined;
      text += shifted;
      // Two shifted runs side by side would be a second form of the same name.
      if (name.charCodeAt(end + 1) === AMPERSAND && name.charCodeAt(end + 2) !== MINUS) return undefined;
    }
    at = end + 1;
  }
  return text;
}

/** The one modified UTF-7 form of `text`. Lone surrogates are kept as they are. */
export function encodeMutf7(text: string): string {
  if (/^[\x20-\x25\x27-\x7e]*$/.test(text)) return text;
  let name = "";
  let run = "";
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code > 0x7e) {
      run += text.charAt(at);
      continue;
    }
    if (run !== "") name += encodeShifted(run);
    run = "";
    name += code === AMPERSAND ? "&-" : text.charAt(at);
  }
  return run === "" ? name : name + encodeShifted(run);
}

const AMPERSAND = 0x26;
const MINUS = 0x2d;

function decodeShifted(shifted: string): string | undefined {
  if (!/^[A-Za-z0-9+,]+$/.test(shifted)) return undefined;
  const bytes = Buffer.from(shifted.replaceAll(",", "/"), "base64");
  if (bytes.length === 0 || bytes.length % 2 !== 0) return undefined;
  const text = bytes.swap16().toString("utf16le");
  // Printable ASCII must not be shifted; non-zero padding bits would be a second form.
  if (/[\x20-\x7e]/.test(text) || encodeShifted(text) !== `&${shifted}-`) return undefined;
  return text;
}

function encodeShifted(run: string): string {
  const base64 = Buffer.from(run, "utf16le").swap16().toString("base64");
  return `&${base64.replace(/=+$/, "").replaceAll("/", ",")}-`;
}

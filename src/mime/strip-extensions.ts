/** BODY from BODYSTRUCTURE: the same parenthesised list without extension data (RFC 9051 §7.5.2), so only one of them is stored. */

const OPEN = 40;
const CLOSE = 41;
const QUOTE = 34;
const BACKSLASH = 92;
const BRACE = 123;
const SPACE = 32;

/** `structure` must be what `renderBodyStructure` printed. Depth is bounded by the structure's. */
export function stripExtensions(structure: Buffer): Buffer {
  const kept: Buffer[] = [];
  stripPart(structure, 0, kept);
  return Buffer.concat(kept);
}

/** Copies the part that begins with the "(" at `from`; answers the position after its ")". */
function stripPart(bytes: Buffer, from: number, kept: Buffer[]): number {
  let at = from + 1;
  if (bytes[at] === OPEN) {
    kept.push(OPENED);
    while (bytes[at] === OPEN) at = stripPart(bytes, at, kept);
    const end = skipValue(bytes, at + 1);
    kept.push(bytes.subarray(at, end), CLOSED);
    return skipRest(bytes, end);
  }
  const typeEnd = skipValue(bytes, at);
  const type = bytes.toString("latin1", at, typeEnd).toLowerCase();
  const subtypeEnd = skipValue(bytes, typeEnd + 1);
  const subtype = bytes.toString("latin1", typeEnd + 1, subtypeEnd).toLowerCase();
  at = subtypeEnd;
  // parameters, id, description, encoding, octets
  for (let field = 0; field < 5; field++) at = skipValue(bytes, at + 1);
  if (type === '"message"' && (subtype === '"rfc822"' || subtype === '"global"')) {
    at = skipValue(bytes, at + 1) + 1;
    kept.push(bytes.subarray(from, at));
    const embeddedEnd = stripPart(bytes, at, kept);
    at = skipValue(bytes, embeddedEnd + 1);
    kept.push(bytes.subarray(embeddedEnd, at), CLOSED);
    return skipRest(bytes, at);
  }
  if (type === '"text"') at = skipValue(bytes, at + 1);
  kept.push(bytes.subarray(from, at), CLOSED);
  return skipRest(bytes, at);
}
const OPENED = Buffer.from("(");
const CLOSED = Buffer.from(")");

/** After the value that begins at `from`: string, literal, list, NIL or number. */
function skipValue(bytes: Buffer, from: number): number {
  let at = from;
  let depth = 0;
  do {
    const byte = bytes[at];
    if (byte === undefined) return at;
    if (byte === QUOTE) {
      for (at++; bytes[at] !== QUOTE && at < bytes.length; at++) if (bytes[at] === BACKSLASH) at++;
      at++;
    } else if (byte === BRACE) {
      const close = bytes.indexOf("}", at);
      at = close + 3 + Number(bytes.toString("latin1", at + 1, close));
    } else if (byte === OPEN) {
      depth++;
      at++;
    } else if (byte === CLOSE) {
      depth--;
      at++;
    } else if (byte === SPACE) at++;
    else while (at < bytes.length && bytes[at] !== SPACE && bytes[at] !== CLOSE && bytes[at] !== OPEN) at++;
  } while (depth > 0);
  return at;
}

/** After the ")" that ends the part whose values up to `from` were read. */
function skipRest(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === SPACE) at = skipValue(bytes, at + 1);
  return at + 1;
}

const CR = 13;
const LF = 10;

/**
 * Mail with CRLF line ends alone: a bare CR or LF would be content here and a line end at some other host, and whole
 * messages could hide behind it.
 */
export function withCrlf(bytes: Buffer): Buffer {
  return hasBareLineEnd(bytes)
    ? Buffer.from(bytes.toString("latin1").replace(/\r\n|\r|\n/g, "\r\n"), "latin1")
    : bytes;
}

function hasBareLineEnd(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === 0 || bytes[at - 1] !== CR) return true;
  }
  for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] !== LF) return true;
  }
  return false;
}

/**
 * The client's side of the DATA phase (RFC 5321 §4.5.2): `message` with a dot before each line that starts with one,
 * a CRLF at its end where it has none, and the final ".". Pieces of `message` are not copied.
 */
export function* stuffDots(message: Buffer): Generator<Buffer> {
  let start = 0;
  if (message[0] === DOT) yield ONE_DOT;
  for (;;) {
    const hit = message.indexOf(CRLF_DOT, start);
    if (hit < 0) break;
    yield message.subarray(start, hit + 3);
    // The piece ended with the line's own dot; the next one starts with it again: that is the stuffing.
    start = hit + 2;
  }
  yield message.subarray(start);
  const endsWithLine = message.length === 0 || message.subarray(-2).equals(CRLF);
  yield endsWithLine ? END : CRLF_END;
}

const DOT = 46;
const ONE_DOT = Buffer.from(".");
const CRLF = Buffer.from("\r\n");
const CRLF_DOT = Buffer.from("\r\n.");
const END = Buffer.from(".\r\n");
const CRLF_END = Buffer.from("\r\n.\r\n");

/** Strings as the server sends them: RFC 5804 §1.2: quoted where they can be, else a literal. */
const MAX_QUOTED_BYTES = 1024;

export function printString(text: string): string {
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes > MAX_QUOTED_BYTES || /[\r\n\0]/.test(text)) return `{${sizeBytes}}\r\n${text}`;
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** `OK`, `NO` or `BYE`, with a response code in parentheses and a text for people (RFC 5804 §1.3). */
export function printResponse(status: "OK" | "NO" | "BYE", text: string, code?: string): string {
  return `${status}${code === undefined ? "" : ` (${code})`} ${printString(text)}\r\n`;
}

/** Strings as ENVELOPE and BODYSTRUCTURE carry them (RFC 9051 §4.3): quoted, or a literal for anything a quoted string may not hold. */

/** `text` is Latin-1 octets. NUL cannot stand in a literal either (§4.3): sent as 0x80, as Dovecot does. */
export function imapString(text: string): string {
  if (!/[\0\r\n"\\\x80-\xff]/.test(text)) return `"${text}"`;
  if (/[\0\r\n\x80-\xff]/.test(text)) return `{${text.length}}\r\n${text.replaceAll("\0", "\x80")}`;
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** undefined is NIL. */
export function imapNstring(text: string | undefined): string {
  return text === undefined ? "NIL" : imapString(text);
}

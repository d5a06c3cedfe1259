/**
 * Reads fields out of a rendered ENVELOPE (RFC 9051 §7.5.2) for SUBJECT, FROM, TO …: they search the envelope, so the
 * header is not needed. Only what is asked for becomes a string.
 */
import { decodeHeader } from "../../mime/encoded-word.ts";

export const EnvelopeField = {
  date: 0,
  subject: 1,
  from: 2,
  sender: 3,
  replyTo: 4,
  to: 5,
  cc: 6,
  bcc: 7,
} as const;

/** The subject decoded; "" when there is none. */
export function envelopeSubject(envelope: Buffer): string {
  const start = fieldStart(envelope, EnvelopeField.subject);
  return decodeHeader(stringAt(envelope, start) ?? "");
}

/** `Name <mailbox@host>` of each address, decoded, with ", " between. */
export function envelopeAddressText(envelope: Buffer, field: number): string {
  let at = fieldStart(envelope, field);
  if (envelope[at] !== OPEN) return "";
  let text = "";
  at++;
  while (envelope[at] === OPEN) {
    const parts: (string | undefined)[] = [];
    at++;
    while (at < envelope.length && envelope[at] !== CLOSE) {
      parts.push(stringAt(envelope, at));
      at = skip(envelope, at);
      if (envelope[at] === SPACE) at++;
    }
    at++;
    if (envelope[at] === SPACE) at++;
    const [name, , mailbox, host] = parts;
    if (text !== "") text += ", ";
    if (name !== undefined) text += `${decodeHeader(name)} `;
    if (mailbox !== undefined) text += host === undefined ? mailbox : `<${mailbox}@${host}>`;
  }
  return text;
}

const OPEN = 0x28;
const CLOSE = 0x29;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;

function fieldStart(envelope: Buffer, field: number): number {
  let at = 1;
  for (let i = 0; i < field; i++) at = skip(envelope, at) + 1;
  return at;
}

/** Behind the string, literal, NIL or list at `at`. */
function skip(bytes: Buffer, at: number): number {
  switch (bytes[at]) {
    case QUOTE:
      return quotedEnd(bytes, at);
    case BRACE: {
      const close = bytes.indexOf(0x7d, at);
      return close + 3 + Number(bytes.toString("latin1", at + 1, close));
    }
    case OPEN: {
      // Address lists have one level below them.
      let end = at + 1;
      while (end < bytes.length && bytes[end] !== CLOSE)
        end = bytes[end] === SPACE ? end + 1 : skip(bytes, end);
      return end + 1;
    }
    default:
      return at + 3;
  }
}

function quotedEnd(bytes: Buffer, at: number): number {
  let end = at + 1;
  while (end < bytes.length && bytes[end] !== QUOTE) end += bytes[end] === BACKSLASH ? 2 : 1;
  return end + 1;
}

/** As Latin-1 octets; undefined for NIL. */
function stringAt(bytes: Buffer, at: number): string | undefined {
  if (bytes[at] === QUOTE) {
    const text = bytes.toString("latin1", at + 1, quotedEnd(bytes, at) - 1);
    return text.includes("\\") ? text.replaceAll(/\\(.)/gs, "$1") : text;
  }
  if (bytes[at] !== BRACE) return undefined;
  const close = bytes.indexOf(0x7d, at);
  return bytes.toString("latin1", close + 3, skip(bytes, at));
}

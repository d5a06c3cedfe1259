import type { Envelope } from "./envelope.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * Return-Path and Received, put before the message (RFC 5321 §4.4). The same for all recipients of a transaction, so
 * that one body serves them all: `recipient` is named only when it is the only one (others must not see him either).
 */
export function traceFields(
  envelope: Envelope,
  hostName: string,
  receivedAtMs: number,
  recipient: string | undefined,
): Buffer {
  const { peerName, peerAddress, protocol, tls, id } = envelope;
  const address = peerAddress === "" ? "local" : addressLiteral(peerAddress);
  const from = peerName === "" ? address : `${peerName} (${address})`;
  const cipher = tls === "" ? "" : `\r\n\t(${tls})`;
  const forOne = recipient === undefined ? "" : ` for <${recipient}>`;
  return Buffer.from(
    `Return-Path: <${envelope.senderText}>\r\n` +
      `Received: from ${from}${cipher}\r\n\tby ${hostName} (Rookery) with ${protocol} id ${id}${forOne};\r\n` +
      `\t${internetDate(receivedAtMs)}\r\n`,
  );
}

/** RFC 5321 §4.1.3. */
function addressLiteral(address: string): string {
  return address.includes(":") ? `[IPv6:${address}]` : `[${address}]`;
}

/** RFC 5322 §3.3, in UTC. */
export function internetDate(atMs: number): string {
  const date = new Date(atMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return (
    `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ` +
    `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`
  );
}

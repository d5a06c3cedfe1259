/**
 * A message from a device made fit to be sent: CRLF line ends, the user's name beside his address (OP-157), Date and
 * Message-ID. A From that is not his is left as it is: the account refuses it.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../../base/io/clock.ts";
import { headerLine } from "../../../mime/build.ts";
import { printDateHeader } from "../../../mime/date.ts";
import { HeaderScanner, headerEnd } from "../../../mime/headers.ts";
import type { Account } from "../../account/port.ts";
import { readAddresses } from "../mail-header.ts";
import { addressField, copyFields } from "./header.ts";
import { domainOf } from "./print-draft.ts";

export interface OutgoingHeader {
  readonly clock: Clock;
  readonly account: Account;
  /** The same for the same request, so that a Message-ID we make is the same when it is repeated. */
  readonly identity: string;
  /** Raw fields to add where the message has none: In-Reply-To, References. */
  readonly fields?: readonly (readonly [name: string, value: string])[];
}

const CONTENT_FIELDS = /^(?:content-|mime-version$)/;

/** The whole message as it is, with a complete header. Its content is not touched: it may be signed. */
export function completeMessage(message: Buffer, header: OutgoingHeader): Buffer {
  const bytes = withCrlf(message);
  const bodyStart = headerEnd(bytes);
  return Buffer.concat([outgoingHeader(bytes, bodyStart, header, true), CRLF, bytes.subarray(bodyStart)]);
}

/** The message's header over other content (an entity with its own Content-Type). */
export function replaceContent(message: Buffer, entity: Buffer, header: OutgoingHeader): Buffer {
  const bytes = withCrlf(message);
  const kept = outgoingHeader(bytes, headerEnd(bytes), header, false);
  return Buffer.concat([kept, Buffer.from("MIME-Version: 1.0\r\n"), entity]);
}

const CRLF = Buffer.from("\r\n");

function outgoingHeader(
  bytes: Buffer,
  bodyStart: number,
  { clock, account, identity, fields = [] }: OutgoingHeader,
  withContent: boolean,
): Buffer {
  const present = new Map<string, string>();
  const scanner = new HeaderScanner(bytes, 0, bodyStart);
  while (scanner.next()) {
    const name = scanner.name().toLowerCase();
    if (!present.has(name)) present.set(name, scanner.value());
  }
  const [own = ""] = account.addresses;
  const from = readAddresses(present.get("from"));
  const [sender] = from;
  const replaceFrom = from.length === 0 || (from.length === 1 && sender?.name === "");
  const lines: string[] = [];
  if (replaceFrom) {
    const address = sender === undefined || sender.address === "" ? own : sender.address;
    lines.push(addressField("From", [{ name: account.displayName, address }]));
  }
  if (!present.has("date")) lines.push(headerLine("Date", printDateHeader(clock.nowMs())));
  if (!present.has("message-id")) {
    const id = createHash("sha256").update(identity).update("\0").update(bytes).digest("hex").slice(0, 40);
    lines.push(headerLine("Message-ID", `<${id}@${domainOf(own)}>`));
  }
  for (const [name, value] of fields) {
    if (!present.has(name.toLowerCase()) && value !== "") lines.push(headerLine(name, value));
  }
  const kept = copyFields(
    bytes,
    bodyStart,
    (name) =>
      // A device can not say over which hosts a message came.
      name === "received" ||
      name === "return-path" ||
      (replaceFrom && name === "from") ||
      (!withContent && CONTENT_FIELDS.test(name)),
  );
  return Buffer.concat([Buffer.from(lines.join("")), kept]);
}

/** RFC 5321 §2.3.8: lines end in CRLF, nothing else is a line end. */
export function withCrlf(bytes: Buffer): Buffer {
  let bare = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) if (bytes[at - 1] !== 13) bare++;
  if (bare === 0) return bytes;
  const out = Buffer.allocUnsafe(bytes.length + bare);
  let from = 0;
  let length = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at - 1] === 13) continue;
    length += bytes.copy(out, length, from, at);
    out[length++] = 13;
    from = at;
  }
  bytes.copy(out, length, from);
  return out;
}

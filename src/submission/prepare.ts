/** What a submission server does to a message (RFC 6409 §8): Received in front, Bcc out, Date and Message-ID when missing. */
import { HeaderScanner, selectFields } from "../mime/headers.ts";
import { printDateHeader } from "../mime/date.ts";

export interface PrepareOptions {
  readonly hostName: string;
  readonly nowMs: number;
  /** Unique; becomes the left side of a Message-ID that is missing. */
  readonly id: string;
  /** The Received field without its date; undefined = none. */
  readonly received: string | undefined;
}

const BCC = new Set(["bcc", "resent-bcc"]);

export function prepareMessage(bytes: Buffer, { hostName, nowMs, id, received }: PrepareOptions): Buffer {
  const scanner = new HeaderScanner(bytes, 0, bytes.length);
  const names = new Set<string>();
  while (scanner.next()) names.add(scanner.name().toLowerCase());
  const added = [
    ...(received === undefined ? [] : [`Received: ${received};\r\n\t${printDateHeader(nowMs)}\r\n`]),
    ...(names.has("date") ? [] : [`Date: ${printDateHeader(nowMs)}\r\n`]),
    ...(names.has("message-id") ? [] : [`Message-ID: <${id}@${hostName}>\r\n`]),
  ];
  const head = Buffer.from(added.join(""), "latin1");
  if (!names.has("bcc") && !names.has("resent-bcc")) return Buffer.concat([head, bytes]);
  const kept = selectFields(bytes, 0, bytes.length, BCC, true);
  return Buffer.concat([head, kept, bytes.subarray(scanner.bodyStart)]);
}

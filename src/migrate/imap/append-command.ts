/** What APPEND is told of a message, and what its answer tells. */
import type { CommandPart, CommandResult } from "../../imap/client-command.ts";
import { printFlags } from "../../imap/client-fetch.ts";
import { printDateTime } from "../../imap/codec/date.ts";
import { numbersOf, parseRanges } from "../../wire/number-set.ts";
import type { CopyMessage } from "./message.ts";
import type { AppendOutcome } from "./target.ts";

/** ` (flags) "date" literal`. */
export function appendParts(message: CopyMessage): CommandPart[] {
  const date =
    message.internalDateText === "" ? printDateTime(message.internalDate) : message.internalDateText;
  const { body } = message;
  const literal = Buffer.isBuffer(body)
    ? body
    : { sizeBytes: message.sizeBytes, chunks: () => piecesOf(body) };
  return [` (${printFlags(message.flags)}) "${date}" `, literal];
}

const PIECE_BYTES = 256 * 1024;

async function* piecesOf(body: Exclude<CopyMessage["body"], Buffer>): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.sizeBytes; at += PIECE_BYTES) {
    yield await body.read(at, Math.min(PIECE_BYTES, body.sizeBytes - at));
  }
}

/** `APPENDUID validity set` (RFC 4315 §3, RFC 3502 §6.3.11); 0s from a server that does not tell. */
export function savedUids({ code }: CommandResult, count: number): AppendOutcome[] {
  const match = /^APPENDUID \d+ ([0-9:,]+)$/i.exec(code ?? "");
  const uids = match === null ? [] : [...numbersOf(parseRanges(match[1] ?? "") ?? [])];
  const known = uids.length === count ? uids : Array.from({ length: count }, () => 0);
  return known.map((uid) => ({ kind: "saved", uid }));
}

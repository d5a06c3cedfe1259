/** A MAILBOX line with its records, group by group: a large mailbox is never whole in memory. */
import type { Mailbox, MessageRecord } from "../../store/model.ts";
import { type SyncAnnotation, type SyncMailbox, writeMailbox } from "./mailbox-line.ts";
import { writeRecord } from "./record.ts";
import { DlistWriter } from "./writer.ts";

/** What stands before the records. */
export interface MailboxHead {
  readonly mailbox: Mailbox;
  readonly annotations: readonly SyncAnnotation[];
  /** State of the replica that the records are based on. */
  readonly since?: SyncMailbox | undefined;
}

const END = ")\r\n";

/** `words` stand before the mailbox. Records are read when their piece is asked for. */
export function* mailboxPieces(
  side: "client" | "server",
  words: readonly string[],
  { mailbox, annotations, since }: MailboxHead,
  groups: Iterable<readonly MessageRecord[]>,
): Generator<readonly Buffer[]> {
  const writer = new DlistWriter(side);
  for (const word of words) writer.raw(word);
  writeMailbox(writer, mailbox, annotations, (kv) => writeSince(kv, since));
  yield withoutEnd(writer.line(), END);
  yield [Buffer.from(" RECORD (")];
  let isFirst = true;
  for (const records of groups) {
    if (records.length === 0) continue;
    const group = new DlistWriter(side);
    // Only the blank between two groups.
    if (!isFirst) group.raw("");
    for (const record of records) writeRecord(group, record);
    yield withoutEnd(group.line(), "\r\n");
    isFirst = false;
  }
  yield [Buffer.from(`)${END}`)];
}

export function writeSince(kv: DlistWriter, since: SyncMailbox | undefined): void {
  if (since === undefined) return;
  kv.key("SINCE_MODSEQ").number(since.highestModseq).key("SINCE_CRC").number(since.syncCrc);
  kv.key("SINCE_CRC_ANNOT").number(since.syncCrcAnnot);
}

function withoutEnd(pieces: readonly Buffer[], end: string): readonly Buffer[] {
  const last = pieces.at(-1)!;
  return [...pieces.slice(0, -1), last.subarray(0, last.length - end.length)];
}

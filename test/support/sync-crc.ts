/**
 * The two CRCs of the sync protocol, recomputed record by record (Cyrus 3.6.1, observed on 40 transcripts): a second
 * implementation, so that the store's incremental one has something to be compared with.
 */
import { crc32 } from "node:zlib";
import type { MessageRecord } from "../../src/store/model.ts";
import { SystemFlag } from "../../src/store/model.ts";

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [SystemFlag.deleted, "\\deleted"],
  [SystemFlag.answered, "\\answered"],
  [SystemFlag.flagged, "\\flagged"],
  [SystemFlag.draft, "\\draft"],
  [SystemFlag.seen, "\\seen"],
];

const ANNOTATION_SEED = 12345678;

export function syncCrcs(records: Iterable<MessageRecord>): { syncCrc: number; syncCrcAnnot: number } {
  let syncCrc = 0;
  let syncCrcAnnot = ANNOTATION_SEED;
  for (const record of records) {
    if ((record.systemFlags & SystemFlag.expunged) !== 0) continue;
    let flags = 0;
    for (const [bit, name] of FLAG_NAMES) if ((record.systemFlags & bit) !== 0) flags ^= crc32(name);
    for (const keyword of record.keywords) flags ^= crc32(keyword.toLowerCase());
    const line = `${record.uid} ${record.modseq} ${record.lastUpdated} (${flags >>> 0}) ${record.internalDate} ${record.guid}`;
    syncCrc ^= crc32(line);
    for (const { entry, userId, value } of [...record.annotations, ...pseudoAnnotations(record)]) {
      syncCrcAnnot ^= crc32(Buffer.concat([Buffer.from(`${record.uid} ${entry} ${userId} `), value]));
    }
  }
  return { syncCrc: syncCrc >>> 0, syncCrcAnnot: syncCrcAnnot >>> 0 };
}

/** Columns that Cyrus sends, and counts, as annotations. */
function pseudoAnnotations(record: MessageRecord): { entry: string; userId: string; value: Buffer }[] {
  const values: [string, string][] = [
    ["savedate", record.saveDate === 0 ? "" : `${record.saveDate}`],
    ["createdmodseq", record.createdModseq === 0 ? "" : `${record.createdModseq}`],
    ["thrid", record.threadId === "" ? "" : BigInt(`0x${record.threadId}`).toString(16)],
  ];
  return values
    .filter(([, value]) => value !== "")
    .map(([name, value]) => ({
      entry: `/vendor/cmu/cyrus-imapd/${name}`,
      userId: "",
      value: Buffer.from(value),
    }));
}

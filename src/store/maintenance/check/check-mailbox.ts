/** One mailbox: its chunks decode, its records have bodies, its counters and CRCs are those of its records. */
import { KeywordTable } from "../../committer/keyword-table.ts";
import { CHUNK_BITS, coldColumns, hotColumns, threadIdText } from "../../committer/chunk.ts";
import { SystemFlag } from "../../model.ts";
import type { HeaderNumbers, HeaderStatics } from "../../header-values.ts";
import type { ReadIndex } from "../../read-index.ts";
import { rowKey } from "../../schema.ts";
import {
  annotationCrc,
  EMPTY_ANNOT_CRC,
  pseudoAnnotationsCrc,
  recordCrc,
  systemFlagsCrc,
} from "../../sync-crc.ts";
import { found, mailboxRepair, type CheckEvent, type RepairPlan } from "./finding.ts";
import type { References } from "./references.ts";

const PAGE_CHUNKS = 64;

interface ChunkRow {
  readonly key: number;
  readonly live: number;
  readonly dead: number;
  readonly hot: Buffer;
  readonly cold: Buffer | null;
}

export interface ChunkRecords {
  readonly number: number;
  readonly live: number;
  readonly count: number;
  readonly hot: ReturnType<typeof hotColumns>;
  readonly cold: ReturnType<typeof coldColumns>;
}

/** Chunks of a mailbox, ascending; "unreadable" with its number where one does not decode. */
export function* chunksOf(
  index: ReadIndex,
  mailbox: number,
): Generator<ChunkRecords | { readonly number: number; readonly unreadable: string }> {
  const page = index.sql(
    `SELECT h.key, h.live, h.dead, h.bytes AS hot, c.bytes AS cold FROM hot_chunks h
     LEFT JOIN cold_chunks c ON c.key = h.key WHERE h.key > ? AND h.key < ? ORDER BY h.key LIMIT ${PAGE_CHUNKS}`,
  );
  const base = rowKey(mailbox, 0);
  for (let after = base - 1; ;) {
    const rows = page.all(after, rowKey(mailbox + 1, 0)) as ChunkRow[];
    for (const row of rows) yield decode(row, row.key - base);
    if (rows.length < PAGE_CHUNKS) return;
    after = rows.at(-1)!.key;
  }
}

function decode(row: ChunkRow, number: number): ChunkRecords | { number: number; unreadable: string } {
  const count = row.live + row.dead;
  if (row.cold === null) return { number, unreadable: "its cold half is missing" };
  try {
    const hot = hotColumns(row.hot, count);
    const cold = coldColumns(row.cold, count);
    for (let i = 0; i < count; i++) {
      const uid = hot.uids[i]!;
      if (uid >>> CHUNK_BITS !== number || (i > 0 && uid <= hot.uids[i - 1]!)) {
        return { number, unreadable: `its UIDs are not in order at ${uid}` };
      }
    }
    return { number, live: row.live, count, hot, cold };
  } catch (error) {
    return { number, unreadable: error instanceof Error ? error.message : String(error) };
  }
}

/** What the records of a mailbox come to, whatever its header says. */
export interface CountedMailbox {
  readonly exists: number;
  readonly sizeBytes: number;
  readonly annotations: number;
}

export function* checkMailbox(
  index: ReadIndex,
  statics: HeaderStatics,
  numbers: HeaderNumbers,
  references: References,
  plan: RepairPlan,
): Generator<CheckEvent, CountedMailbox> {
  const { id, name } = statics;
  const keywords = new KeywordTable(statics.keywords);
  const sums = { exists: 0, unseen: 0, flaggedDeleted: 0, sizeBytes: 0, annotations: 0 };
  let syncCrc = 0;
  let syncCrcAnnot = EMPTY_ANNOT_CRC;
  let highestUid = 0;
  let highestModseq = 0;
  let countsFit = true;
  const live = new Set<number>();
  for (const chunk of chunksOf(index, id)) {
    if ("unreadable" in chunk) {
      mailboxRepair(plan, id).chunks.push(chunk.number);
      const first = Math.max(1, chunk.number << CHUNK_BITS);
      yield found({
        kind: "chunk_unreadable",
        mailbox: name,
        text: `${name}: records from UID ${first} to ${((chunk.number + 1) << CHUNK_BITS) - 1} cannot be read: ${chunk.unreadable}`,
        repair: "their bodies are filed again with new UIDs, without flags",
      });
      continue;
    }
    const { hot, cold } = chunk;
    let liveHere = 0;
    for (let i = 0; i < chunk.count; i++) {
      const uid = hot.uids[i]!;
      const flags = hot.flags[i]!;
      const body = cold.bodyIds[i]!;
      highestUid = uid;
      highestModseq = Math.max(highestModseq, hot.modseqs[i]!);
      const isLive = !(flags & SystemFlag.expunged);
      // Tombstones that came by replication never had a body.
      if (body !== 0 || isLive) {
        if (body !== 0 && references.has(body)) references.count(body);
        else {
          mailboxRepair(plan, id).lost.push(uid);
          if (isLive) yield lostRecord(name, uid, guidText(cold.guids, i), "its body is not in the index");
        }
      }
      if (!isLive) continue;
      liveHere++;
      if (numbers.annotations > 0) live.add(uid);
      sums.exists++;
      sums.sizeBytes += cold.sizes[i]!;
      if (!(flags & SystemFlag.seen)) sums.unseen++;
      if (flags & SystemFlag.deleted) sums.flaggedDeleted++;
      const flagsCrc = systemFlagsCrc(flags) ^ keywords.crcOf(hot.keywords, 4 * i);
      syncCrc ^= recordCrc(
        uid,
        hot.modseqs[i]!,
        hot.lastUpdated[i]!,
        flagsCrc,
        hot.internalDates[i]!,
        cold.guids,
        20 * i,
      );
      const thread = threadIdText(cold.threadIds[2 * i]!, cold.threadIds[2 * i + 1]!);
      syncCrcAnnot ^= pseudoAnnotationsCrc(uid, cold.saveDates[i]!, cold.createdModseqs[i]!, thread);
    }
    if (liveHere !== chunk.live) countsFit = false;
  }
  for (const row of annotationRows(index, id)) {
    sums.annotations++;
    if (live.has(row.uid)) syncCrcAnnot ^= annotationCrc(row.uid, row.entry, row.user_id, row.value);
  }
  const wrong = (Object.keys(sums) as (keyof typeof sums)[]).filter(
    (field) => sums[field] !== numbers[field],
  );
  if (
    wrong.length > 0 ||
    !countsFit ||
    highestUid > numbers.lastUid ||
    highestModseq > numbers.highestModseq
  ) {
    mailboxRepair(plan, id);
    const what = wrong.map((field) => `${field} is ${numbers[field]} instead of ${sums[field]}`).join(", ");
    yield found({
      kind: "counters_wrong",
      mailbox: name,
      text: `${name}: ${what === "" ? "counters do not fit its records" : what}`,
      repair: "counted anew",
    });
  }
  if (syncCrc >>> 0 !== numbers.syncCrc || syncCrcAnnot >>> 0 !== numbers.syncCrcAnnot) {
    mailboxRepair(plan, id);
    yield found({
      kind: "crc_wrong",
      mailbox: name,
      text: `${name}: the CRCs are not those of its records`,
      repair: "computed anew",
    });
  }
  if (numbers.quarantined !== 0) {
    mailboxRepair(plan, id);
    yield found({
      kind: "quarantined",
      mailbox: name,
      text: `${name} refuses changes until it is repaired`,
      repair: "counted anew, then it takes changes again",
    });
  }
  return sums;
}

export function annotationRows(
  index: ReadIndex,
  mailbox: number,
): { uid: number; entry: string; user_id: string; value: Buffer }[] {
  return index
    .sql("SELECT uid, entry, user_id, value FROM message_annotations WHERE mailbox = ?")
    .all(mailbox) as { uid: number; entry: string; user_id: string; value: Buffer }[];
}

export function guidText(guids: Uint8Array, at: number): string {
  return Buffer.from(guids.buffer, guids.byteOffset + 20 * at, 20).toString("hex");
}

export function lostRecord(mailbox: string, uid: number, guid: string, why: string) {
  return found({
    kind: "body_missing",
    mailbox,
    uid,
    guid,
    text: `${mailbox}: message with UID ${uid} and GUID ${guid} is lost: ${why}`,
    repair: "expunged, so that clients and replicas hear of it",
  });
}

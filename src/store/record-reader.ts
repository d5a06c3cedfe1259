/** Records from the index, chunk by chunk: for replication, for what is not in a view, and for tombstones. */
import type { Modseq, Uid } from "../base/numbers.ts";
import { annotationsOfRange } from "./annotations.ts";
import type { Catalog } from "./catalog.ts";
import { CHUNK_BITS, coldColumns, hotColumns, threadIdText } from "./committer/chunk.ts";
import { SystemFlag, type MailboxId, type MessageAnnotation, type MessageRecord } from "./model.ts";
import type { ReadIndex } from "./read-index.ts";
import { rowKey } from "./schema.ts";

interface ChunkRow {
  readonly key: number;
  readonly records: number;
  readonly hot: Buffer;
  readonly cold: Buffer;
}

const CHUNK_SQL = `SELECT h.key, h.live + h.dead AS records, h.bytes AS hot, c.bytes AS cold FROM hot_chunks h
  JOIN cold_chunks c ON c.key = h.key`;
/** Chunks fetched at a time; no cursor is held between them. */
const PAGE_CHUNKS = 16;

export interface RecordFilter {
  /** Only records with a higher modseq. */
  readonly sinceModseq?: number;
  readonly includeExpunged?: boolean;
  readonly onlyExpunged?: boolean;
}

export class RecordReader {
  readonly #index: ReadIndex;
  readonly #catalog: Catalog;

  constructor(index: ReadIndex, catalog: Catalog) {
    this.#index = index;
    this.#catalog = catalog;
  }

  /** Body of a record, live or expunged; undefined when there is none. */
  bodyId(id: MailboxId, uid: number): number | undefined {
    return this.bodyIdFinder(id)(uid);
  }

  /** The same for many neighbours: their chunk is read once. */
  bodyIdFinder(id: MailboxId): (uid: number) => number | undefined {
    let number = -1;
    let uids: Uint32Array | undefined;
    let bodyIds: Float64Array | undefined;
    return (uid) => {
      if (uid >>> CHUNK_BITS !== number) {
        number = uid >>> CHUNK_BITS;
        const row = this.#index.sql(`${CHUNK_SQL} WHERE h.key = ?`).get(rowKey(id, number)) as
          | ChunkRow
          | undefined;
        uids = row === undefined ? undefined : hotColumns(row.hot, row.records).uids;
        bodyIds = row === undefined ? undefined : coldColumns(row.cold, row.records).bodyIds;
      }
      const at = uids?.indexOf(uid) ?? -1;
      return at < 0 ? undefined : bodyIds?.[at];
    };
  }

  /** The record of a UID, live or expunged. */
  record(id: MailboxId, uid: number): MessageRecord | undefined {
    const row = this.#index.sql(`${CHUNK_SQL} WHERE h.key = ?`).get(rowKey(id, uid >>> CHUNK_BITS)) as
      | ChunkRow
      | undefined;
    if (row === undefined) return undefined;
    return this.#unpack(id, row, { includeExpunged: true }).find((record) => record.uid === uid);
  }

  /** The same for many neighbours: their chunk is read once. */
  recordFinder(id: MailboxId): (uid: number) => MessageRecord | undefined {
    let number = -1;
    let records: ReadonlyMap<number, MessageRecord> = new Map();
    return (uid) => {
      if (uid >>> CHUNK_BITS !== number) {
        number = uid >>> CHUNK_BITS;
        const row = this.#index.sql(`${CHUNK_SQL} WHERE h.key = ?`).get(rowKey(id, number)) as
          | ChunkRow
          | undefined;
        const found = row === undefined ? [] : this.#unpack(id, row, { includeExpunged: true });
        records = new Map(found.map((record) => [record.uid, record]));
      }
      return records.get(uid);
    };
  }

  /** Groups of records, ascending by UID, one group a chunk. Safe across awaits; each page shows the state of its time. */
  *read(id: MailboxId, filter: RecordFilter): Generator<readonly MessageRecord[]> {
    const where = filter.onlyExpunged === true ? "AND h.dead > 0" : "";
    const page = this.#index.sql(
      `${CHUNK_SQL} WHERE h.key > ? AND h.key < ? ${where} ORDER BY h.key LIMIT ${PAGE_CHUNKS}`,
    );
    for (let after = rowKey(id, 0) - 1; ;) {
      const rows = page.all(after, rowKey(id + 1, 0)) as ChunkRow[];
      for (const row of rows) {
        const records = this.#unpack(id, row, filter);
        if (records.length > 0) yield records;
      }
      if (rows.length < PAGE_CHUNKS) return;
      after = rows.at(-1)!.key;
    }
  }

  #unpack(id: MailboxId, row: ChunkRow, filter: RecordFilter): MessageRecord[] {
    const mailbox = this.#catalog.byId(id);
    if (mailbox === undefined || row.records === 0) return [];
    const hot = hotColumns(row.hot, row.records);
    const cold = coldColumns(row.cold, row.records);
    const since = filter.sinceModseq ?? 0;
    const wanted: number[] = [];
    for (let i = 0; i < row.records; i++) {
      const isExpunged = (hot.flags[i]! & SystemFlag.expunged) !== 0;
      if (hot.modseqs[i]! <= since && since > 0) continue;
      if (
        isExpunged
          ? filter.includeExpunged === true || filter.onlyExpunged === true
          : filter.onlyExpunged !== true
      ) {
        wanted.push(i);
      }
    }
    if (wanted.length === 0) return [];
    const annotations: Map<number, MessageAnnotation[]> =
      mailbox.annotations === 0
        ? new Map()
        : annotationsOfRange(this.#index, id, hot.uids[0]!, hot.uids[row.records - 1]!);
    const words = hot.keywords;
    const guids = Buffer.from(cold.guids.buffer, cold.guids.byteOffset, cold.guids.byteLength);
    return wanted.map((i) => ({
      uid: hot.uids[i]! as Uid,
      modseq: hot.modseqs[i]! as Modseq,
      createdModseq: cold.createdModseqs[i]! as Modseq,
      lastUpdated: hot.lastUpdated[i]!,
      internalDate: hot.internalDates[i]!,
      sizeBytes: cold.sizes[i]!,
      guid: guids.toString("hex", 20 * i, 20 * i + 20),
      systemFlags: hot.flags[i]!,
      keywords:
        words === undefined
          ? []
          : mailbox.keywords.filter((_, bit) => (words[4 * i + (bit >>> 5)]! >>> (bit & 31)) & 1),
      threadId: threadIdText(cold.threadIds[2 * i]!, cold.threadIds[2 * i + 1]!),
      saveDate: cold.saveDates[i]!,
      annotations: annotations.get(hot.uids[i]!) ?? [],
    }));
  }
}

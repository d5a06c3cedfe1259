/** The committer's prepared statements: the only writer of the index database. */
import type Database from "better-sqlite3";
import { NUMBER_COLUMNS, NUMBER_FIELDS, type HeaderNumbers, type HeaderStatics } from "../header-values.ts";
import type { MailboxId, MailboxName } from "../model.ts";
import type { FeedEntry } from "../port.ts";
import { mailboxFromRow, type MailboxRow } from "../mailbox-row.ts";
import { sortKey } from "../names.ts";
import { KEY_SPAN } from "../schema.ts";
import { BODY_HEADER_BYTES, storedBytes } from "../segment-record.ts";

export interface BodyRow {
  readonly id: number;
  readonly guid: Buffer;
  readonly partition: string;
  readonly segment: number;
  /** Of the record header; the body follows BODY_HEADER_BYTES later. */
  readonly offset: number;
  readonly length: number;
  /** Key in table summaries. */
  readonly summary: number;
  readonly packed: number;
}

export interface SegmentRow {
  readonly id: number;
  readonly partition: string;
  readonly size: number;
  readonly live_bytes: number;
  /** 1 = grows, 0 = closed, 2 = empty: its file may be removed. */
  readonly active: number;
}

export interface HotChunkRow {
  readonly key: number;
  readonly live: number;
  readonly dead: number;
  readonly bytes: Buffer;
}

const BODY_COLUMNS = "id, guid, partition, segment, offset, length, summary, packed";

/** First six bytes of a GUID: small enough for a JavaScript number, long enough to be nearly unique. */
export function guidPrefix(guid: Buffer): number {
  return guid.readUIntBE(0, 6);
}

export class WriteIndex {
  readonly database: Database.Database;
  readonly #cache = new Map<string, Database.Statement>();
  readonly #updateNumbers: Database.Statement;
  readonly #putHot: Database.Statement;
  readonly #putCold: Database.Statement;
  readonly #getHot: Database.Statement;
  readonly #getCold: Database.Statement;
  readonly #insertSummary: Database.Statement;
  readonly #insertBody: Database.Statement;
  readonly #byGuid: Database.Statement;
  readonly #insertFeed: Database.Statement;
  #lastBodyId: number;

  constructor(database: Database.Database) {
    this.database = database;
    const set = NUMBER_COLUMNS.map((column) => `${column} = ?`).join(", ");
    this.#updateNumbers = database.prepare(`UPDATE mailboxes SET ${set} WHERE id = ?`);
    this.#putHot = database.prepare("INSERT OR REPLACE INTO hot_chunks VALUES (?, ?, ?, ?)");
    this.#putCold = database.prepare("INSERT OR REPLACE INTO cold_chunks VALUES (?, ?)");
    this.#getHot = database.prepare("SELECT live, dead, bytes FROM hot_chunks WHERE key = ?");
    this.#getCold = database.prepare("SELECT bytes FROM cold_chunks WHERE key = ?").pluck();
    this.#insertSummary = database.prepare("INSERT OR REPLACE INTO summaries VALUES (?, ?)");
    this.#insertBody = database.prepare("INSERT INTO bodies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)");
    this.#byGuid = database.prepare(
      `SELECT ${BODY_COLUMNS} FROM bodies WHERE guid_prefix = ? AND guid = ? AND partition = ?`,
    );
    this.#insertFeed = database.prepare("INSERT INTO feed VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#lastBodyId = this.#readLastBodyId();
  }

  /** A statement that is not on the hot path: prepared at first use. */
  sql(text: string): Database.Statement {
    let statement = this.#cache.get(text);
    if (statement === undefined) this.#cache.set(text, (statement = this.database.prepare(text)));
    return statement;
  }

  #readLastBodyId(): number {
    // AUTOINCREMENT's own memory: an id is never used twice, also when the last bodies are gone.
    const value = this.sql("SELECT seq FROM sqlite_sequence WHERE name = 'bodies'").pluck().get();
    return (value as number | undefined) ?? 0;
  }

  /** After a rollback, so that ids in memory and on disk agree again. */
  reload(): void {
    this.#lastBodyId = this.#readLastBodyId();
  }

  meta(name: string): number {
    return this.sql("SELECT value FROM meta WHERE name = ?").pluck().get(name) as number;
  }
  setMeta(name: string, value: number): void {
    this.sql("UPDATE meta SET value = ? WHERE name = ?").run(value, name);
  }

  mailbox(id: MailboxId): { statics: HeaderStatics; numbers: HeaderNumbers } | undefined {
    const row = this.sql("SELECT * FROM mailboxes WHERE id = ?").get(id) as MailboxRow | undefined;
    return row === undefined ? undefined : mailboxFromRow(row);
  }
  idOfName(name: MailboxName): MailboxId | undefined {
    const value = this.sql("SELECT id FROM mailboxes WHERE key = ?").pluck().get(sortKey(name));
    return value as number | undefined;
  }
  idOfUniqueId(uniqueId: string): MailboxId | undefined {
    const value = this.sql("SELECT id FROM mailboxes WHERE unique_id = ?").pluck().get(uniqueId);
    return value as number | undefined;
  }
  insertMailbox(statics: Omit<HeaderStatics, "id">, numbers: HeaderNumbers): MailboxId {
    const columns = NUMBER_COLUMNS.join(", ");
    const marks = NUMBER_COLUMNS.map(() => "?").join(", ");
    const { lastInsertRowid } = this.sql(
      `INSERT INTO mailboxes (key, unique_id, type, intermediate, partition, acl, special_use, options, quota_root,
       keywords, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${marks})`,
    ).run(...staticValues(statics), ...NUMBER_FIELDS.map((field) => numbers[field]));
    return Number(lastInsertRowid);
  }
  updateStatics(id: MailboxId, statics: HeaderStatics): void {
    this.sql(
      `UPDATE mailboxes SET key = ?, unique_id = ?, type = ?, intermediate = ?, partition = ?, acl = ?,
       special_use = ?, options = ?, quota_root = ?, keywords = ? WHERE id = ?`,
    ).run(...staticValues(statics), id);
  }
  updateNumbers(id: MailboxId, numbers: Float64Array): void {
    this.#updateNumbers.run(...numbers, id);
  }

  hotChunk(key: number): Omit<HotChunkRow, "key"> | undefined {
    return this.#getHot.get(key) as Omit<HotChunkRow, "key"> | undefined;
  }
  hotChunks(mailbox: MailboxId): HotChunkRow[] {
    return this.sql(
      "SELECT key, live, dead, bytes FROM hot_chunks WHERE key >= ? AND key < ? ORDER BY key",
    ).all(mailbox * KEY_SPAN, (mailbox + 1) * KEY_SPAN) as HotChunkRow[];
  }
  coldChunk(key: number): Buffer | undefined {
    return this.#getCold.get(key) as Buffer | undefined;
  }
  putHot(key: number, live: number, dead: number, bytes: Buffer): void {
    this.#putHot.run(key, live, dead, bytes);
  }
  putCold(key: number, bytes: Buffer): void {
    this.#putCold.run(key, bytes);
  }
  removeChunk(key: number): void {
    this.sql("DELETE FROM hot_chunks WHERE key = ?").run(key);
    this.sql("DELETE FROM cold_chunks WHERE key = ?").run(key);
  }

  insertSummary(key: number, bytes: Buffer): void {
    this.#insertSummary.run(key, bytes);
  }

  nextBodyId(): number {
    return ++this.#lastBodyId;
  }
  bodiesByGuid(partition: string, guid: Buffer): BodyRow[] {
    return this.#byGuid.all(guidPrefix(guid), guid, partition) as BodyRow[];
  }
  body(id: number): BodyRow | undefined {
    return this.sql(`SELECT ${BODY_COLUMNS} FROM bodies WHERE id = ?`).get(id) as BodyRow | undefined;
  }
  insertBody(row: BodyRow, refs: number): void {
    const { id, guid, partition, segment, offset, length, summary } = row;
    this.#insertBody.run(id, guidPrefix(guid), guid, partition, segment, offset, length, refs, summary);
  }
  /** For every id from..to. A body without references is found by the expiry of its last record. */
  changeRefs(from: number, to: number, change: number): void {
    this.sql("UPDATE bodies SET refs = refs + ? WHERE id BETWEEN ? AND ?").run(change, from, to);
    if (change < 0) this.#removeUnreferenced(from, to);
  }
  #removeUnreferenced(from: number, to: number): void {
    const gone = this.sql(`SELECT ${BODY_COLUMNS} FROM bodies WHERE id BETWEEN ? AND ? AND refs <= 0`).all(
      from,
      to,
    ) as BodyRow[];
    for (const body of gone) this.removeBody(body);
  }
  removeBody(body: BodyRow): void {
    this.sql("DELETE FROM bodies WHERE id = ?").run(body.id);
    this.sql("DELETE FROM summaries WHERE key = ?").run(body.summary);
    this.#shrinkLive(body);
  }
  /** The bytes of a body in its segment are no longer wanted. */
  #shrinkLive(body: BodyRow): void {
    this.sql("UPDATE segments SET live_bytes = live_bytes - ? WHERE id = ?").run(
      storedBytes(body) + BODY_HEADER_BYTES,
      body.segment,
    );
  }
  moveBody(
    body: BodyRow,
    to: { readonly segment: number; readonly offset: number; readonly packed: number },
  ): void {
    this.sql("UPDATE bodies SET segment = ?, offset = ?, packed = ? WHERE id = ?").run(
      to.segment,
      to.offset,
      to.packed,
      body.id,
    );
    this.#shrinkLive(body);
  }
  /** The body whose record stands at `offset` of a segment. */
  bodyAt(segment: number, offset: number, guid: Buffer): BodyRow | undefined {
    return this.sql(
      `SELECT ${BODY_COLUMNS} FROM bodies WHERE guid_prefix = ? AND guid = ? AND segment = ? AND offset = ?`,
    ).get(guidPrefix(guid), guid, segment, offset) as BodyRow | undefined;
  }
  /** Reads the whole table: only where a segment cannot be read from header to header. */
  bodiesOfSegment(segment: number, from: number, limit: number): BodyRow[] {
    return this.sql(
      `SELECT ${BODY_COLUMNS} FROM bodies WHERE segment = ? AND offset >= ? ORDER BY offset LIMIT ?`,
    ).all(segment, from, limit) as BodyRow[];
  }

  segments(): SegmentRow[] {
    return this.sql("SELECT * FROM segments").all() as SegmentRow[];
  }
  segment(id: number): SegmentRow | undefined {
    return this.sql("SELECT * FROM segments WHERE id = ?").get(id) as SegmentRow | undefined;
  }
  insertSegment(partition: string): number {
    const { lastInsertRowid } = this.sql(
      "INSERT INTO segments (partition, size, live_bytes, active) VALUES (?, 0, 0, 1)",
    ).run(partition);
    return Number(lastInsertRowid);
  }
  growSegment(id: number, size: number, moreLive: number): void {
    this.sql("UPDATE segments SET size = ?, live_bytes = live_bytes + ? WHERE id = ?").run(
      size,
      moreLive,
      id,
    );
  }
  closeSegment(id: number): void {
    this.sql("UPDATE segments SET active = 0 WHERE id = ?").run(id);
  }

  insertFeed(entry: FeedEntry): void {
    const { sequence, kind, mailbox, uniqueId, name, user, modseq, atMs } = entry;
    this.#insertFeed.run(sequence, kind, mailbox, uniqueId, name, user, modseq, atMs);
  }
}

function staticValues(statics: Omit<HeaderStatics, "id">): (string | number | null)[] {
  return [
    sortKey(statics.name),
    statics.uniqueId,
    statics.type,
    statics.intermediate ? 1 : 0,
    statics.partition,
    JSON.stringify(statics.acl),
    JSON.stringify(statics.specialUse),
    JSON.stringify(statics.options),
    statics.quotaRoot ?? null,
    JSON.stringify(statics.keywords),
  ];
}

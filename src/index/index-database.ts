/**
 * The index's own SQLite file: segments per mailbox and how far each mailbox is indexed. It can be deleted at any time
 * and is built again; so it is written without waiting for the disk (`synchronous=NORMAL` in WAL keeps it consistent).
 */
import type Database from "better-sqlite3";
import { openSqlite } from "../base/io/sqlite.ts";
import { planQuery } from "./words.ts";
import { Segment, SegmentBuilder } from "./segment.ts";

const FORMAT = 1;
/** As many segments of a level are merged into one of the next. */
const FAN_IN = 8;
/** Messages from which a segment is of level 0, 1, 2 …; one of the last level is not merged further, which bounds a merge. */
const LEVEL_MESSAGES = [0, 64, 512, 2048];
const TOP_LEVEL = LEVEL_MESSAGES.length - 1;
/** Segments kept decoded in memory. */
const MAX_CACHED_BYTES = 128 * 1024 * 1024;

interface SegmentRow {
  readonly id: number;
  readonly level: number;
  readonly uids: Buffer;
  readonly header: Buffer;
  readonly body: Buffer;
}

export interface MailboxState {
  readonly indexedTo: number;
  /** Messages in its segments, those gone since included. */
  readonly messages: number;
}

export class IndexDatabase {
  readonly #db: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();
  /** In order of use, the least recent first. */
  readonly #cache = new Map<number, Segment>();
  #cachedBytes = 0;

  constructor(path: string) {
    this.#db = openSqlite(path, {}, (database) => database.pragma("journal_mode = WAL"));
    this.#db.pragma("synchronous = NORMAL");
    const version = this.#db.pragma("user_version", { simple: true });
    if (version !== FORMAT) {
      this.#db.exec(`
        DROP TABLE IF EXISTS mailbox;
        DROP TABLE IF EXISTS segment;
        CREATE TABLE mailbox (
          id INTEGER PRIMARY KEY, uidvalidity INTEGER NOT NULL, indexed_to INTEGER NOT NULL, messages INTEGER NOT NULL);
        CREATE TABLE segment (
          id INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, level INTEGER NOT NULL,
          uids BLOB NOT NULL, header BLOB NOT NULL, body BLOB NOT NULL);
        CREATE INDEX segment_mailbox ON segment (mailbox, level);
        PRAGMA user_version = ${FORMAT};
      `);
    }
  }

  /** A statement, prepared at first use. */
  #sql<Parameters extends unknown[], Row = unknown>(text: string): Database.Statement<Parameters, Row> {
    let statement = this.#statements.get(text);
    if (statement === undefined) this.#statements.set(text, (statement = this.#db.prepare(text)));
    // The text says what its rows are.
    return statement as Database.Statement<Parameters, Row>;
  }

  /** Forgets the mailbox when its UIDVALIDITY is another than the indexed one. */
  state(mailbox: number, uidValidity: number): MailboxState {
    const row = this.#sql<[number], { uidvalidity: number; indexed_to: number; messages: number }>(
      "SELECT uidvalidity, indexed_to, messages FROM mailbox WHERE id = ?",
    ).get(mailbox);
    if (row === undefined) return { indexedTo: 0, messages: 0 };
    if (row.uidvalidity === uidValidity) return { indexedTo: row.indexed_to, messages: row.messages };
    this.drop(mailbox);
    return { indexedTo: 0, messages: 0 };
  }

  mailboxes(): number[] {
    return this.#sql<[], { id: number }>("SELECT id FROM mailbox ORDER BY id")
      .all()
      .map((row) => row.id);
  }

  drop(mailbox: number): void {
    this.#db.transaction(() => {
      for (const id of this.#segmentIds(mailbox)) this.#forget(id);
      this.#sql("DELETE FROM segment WHERE mailbox = ?").run(mailbox);
      this.#sql("DELETE FROM mailbox WHERE id = ?").run(mailbox);
    })();
  }

  /** Adds messages above what is indexed; `indexedTo` also covers UIDs that were gone before they could be read. */
  add(
    mailbox: number,
    uidValidity: number,
    messages: Iterable<{ uid: number; bytes: Buffer }>,
    indexedTo: number,
  ): void {
    const builder = new SegmentBuilder();
    for (const { uid, bytes } of messages) builder.addMessage(uid, bytes);
    this.#db.transaction(() => {
      if (builder.count > 0) this.#insert(mailbox, builder);
      this.#sql(
        `INSERT INTO mailbox (id, uidvalidity, indexed_to, messages) VALUES (?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET indexed_to = excluded.indexed_to, messages = messages + excluded.messages`,
      ).run(mailbox, uidValidity, indexedTo, builder.count);
      for (let level = 0; level < TOP_LEVEL; level++) this.#mergeLevel(mailbox, level);
    })();
  }

  /** Rewrites the mailbox's segments without the messages that are gone. */
  trim(mailbox: number, live: ReadonlySet<number>): void {
    this.#db.transaction(() => {
      let messages = 0;
      for (const id of this.#segmentIds(mailbox)) {
        const builder = new SegmentBuilder();
        builder.addSegment(this.#segment(id), live);
        this.#remove(id);
        messages += builder.count;
        if (builder.count > 0) this.#insert(mailbox, builder);
      }
      this.#sql("UPDATE mailbox SET messages = ? WHERE id = ?").run(messages, mailbox);
    })();
  }

  /** Ascending UIDs that may match; `exact` when they all do. `value` is folded. */
  candidates(
    mailbox: number,
    kind: "text" | "body" | "header",
    value: string,
  ): { uids: Uint32Array; exact: boolean; indexedTo: number } {
    const plan = planQuery(value);
    const uids: number[] = [];
    for (const id of this.#segmentIds(mailbox)) {
      this.#segment(id).find(plan, kind, (uid) => uids.push(uid));
    }
    const row = this.#sql<[number], { indexed_to: number }>(
      "SELECT indexed_to FROM mailbox WHERE id = ?",
    ).get(mailbox);
    return {
      uids: Uint32Array.from(uids).sort(),
      // Which field a word stands in is not known.
      exact: plan.exact && kind !== "header",
      indexedTo: row?.indexed_to ?? 0,
    };
  }

  /** Of all mailboxes, for the report of sizes. */
  totals(): { segments: number; messages: number; sizeBytes: number } {
    const row = this.#sql<[], { segments: number; size: number | null }>(
      "SELECT count(*) AS segments, sum(length(uids) + length(header) + length(body)) AS size FROM segment",
    ).get();
    const messages = this.#sql<[], { messages: number | null }>(
      "SELECT sum(messages) AS messages FROM mailbox",
    ).get();
    return { segments: row?.segments ?? 0, messages: messages?.messages ?? 0, sizeBytes: row?.size ?? 0 };
  }

  close(): void {
    this.#db.close();
  }

  #mergeLevel(mailbox: number, level: number): void {
    const rows = this.#sql<[number, number], { id: number }>(
      "SELECT id FROM segment WHERE mailbox = ? AND level = ? ORDER BY id",
    ).all(mailbox, level);
    if (rows.length < FAN_IN) return;
    const builder = new SegmentBuilder();
    const segments = rows
      .map((row) => this.#segment(row.id))
      .sort((a, b) => (a.uids[0] ?? 0) - (b.uids[0] ?? 0));
    for (const segment of segments) builder.addSegment(segment);
    for (const row of rows) this.#remove(row.id);
    // At least one level up, so that merging comes to an end however small the segments are.
    this.#insert(mailbox, builder, level + 1);
  }

  #insert(mailbox: number, builder: SegmentBuilder, minimumLevel = 0): void {
    let level = minimumLevel;
    while (level < TOP_LEVEL && builder.count >= LEVEL_MESSAGES[level + 1]!) level++;
    const { uids, header, body } = builder.finish();
    this.#sql("INSERT INTO segment (mailbox, level, uids, header, body) VALUES (?, ?, ?, ?, ?)").run(
      mailbox,
      level,
      uids,
      header,
      body,
    );
  }

  #remove(id: number): void {
    this.#sql("DELETE FROM segment WHERE id = ?").run(id);
    this.#forget(id);
  }

  #segmentIds(mailbox: number): number[] {
    return this.#sql<[number], { id: number }>("SELECT id FROM segment WHERE mailbox = ? ORDER BY id")
      .all(mailbox)
      .map((row) => row.id);
  }

  #segment(id: number): Segment {
    const cached = this.#cache.get(id);
    if (cached !== undefined) {
      this.#cache.delete(id);
      this.#cache.set(id, cached);
      return cached;
    }
    const row = this.#sql<[number], SegmentRow>(
      "SELECT id, level, uids, header, body FROM segment WHERE id = ?",
    ).get(id);
    if (row === undefined) throw new Error(`read index segment ${id}: it is gone`);
    const segment = new Segment(row);
    this.#cache.set(id, segment);
    this.#cachedBytes += segment.sizeBytes;
    for (const [oldest] of this.#cache) {
      if (this.#cachedBytes <= MAX_CACHED_BYTES || oldest === id) break;
      this.#forget(oldest);
    }
    return segment;
  }

  #forget(id: number): void {
    const segment = this.#cache.get(id);
    if (segment === undefined) return;
    this.#cachedBytes -= segment.sizeBytes;
    this.#cache.delete(id);
  }
}

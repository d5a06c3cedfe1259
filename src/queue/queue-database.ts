/**
 * `queue.sqlite`: mails that wait, and what filters remember. Every change is durable when the call returns; a mail and
 * the key that keeps it from being sent twice are one transaction.
 */
import { join } from "node:path";
import type { Database, Statement } from "better-sqlite3";
import { openSqlite } from "../base/io/sqlite.ts";
import type { QueuedMail, WaitingMail } from "./mail.ts";
import { RATE_PERIOD_MS, type UserRate } from "./user-rates.ts";

export const QUEUE_FILE = "queue.sqlite";
/** Rows of memory that are swept at one time. */
const SWEEP_ROWS = 1_000;
const BUSY_TIMEOUT_MS = 10_000;

const VERSION_1 = `
CREATE TABLE mails (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  user_id TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  domain TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at_ms INTEGER NOT NULL,
  -- 1 from just before the message is sent until the answer is recorded
  handing_over INTEGER NOT NULL DEFAULT 0,
  delay_noticed INTEGER NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT '',
  size_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX mails_due ON mails (next_at_ms);
CREATE INDEX mails_domain ON mails (domain);
-- Apart from the row, so that scheduling does not read over bodies.
CREATE TABLE bodies (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE memory (
  user_id TEXT NOT NULL,
  key TEXT NOT NULL,
  until_s INTEGER NOT NULL,
  PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX memory_until ON memory (until_s);
`;

/** What users sent in the hour that began at `started_at_ms`. */
const VERSION_2 = `
CREATE TABLE user_rates (
  user_id TEXT PRIMARY KEY,
  started_at_ms INTEGER NOT NULL,
  count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** Step n takes a file of version n to n + 1. */
const STEPS = [VERSION_1, VERSION_2];

const COLUMNS = `id, kind, user_id AS userId, sender, recipient, domain, size_bytes AS sizeBytes,
  created_at_ms AS createdAtMs, attempts, next_at_ms AS nextAtMs, last_error AS lastError,
  delay_noticed AS delayNoticed`;

type Row = Omit<WaitingMail, "delayNoticed"> & { readonly delayNoticed: 0 | 1 };

export class QueueDatabase {
  readonly #sql: Database;
  #count = 0;
  readonly #due: Statement<[number, string, number], Row>;
  readonly #remembered: Statement<[string, string, number], 1>;
  readonly #remember: Statement<[string, string, number]>;

  /** Mails that were being handed over when the process ended wait again and say so. */
  constructor(folder: string) {
    this.#sql = openSqlite(join(folder, QUEUE_FILE), {}, (sql) => sql.pragma("journal_mode = WAL"));
    // Mail that was accepted must survive a power cut.
    this.#sql.pragma("synchronous = FULL");
    // Two threads have it open; they wait for each other only while it is being opened and recovered.
    this.#sql.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    const version = Number(this.#sql.pragma("user_version", { simple: true }));
    if (version > STEPS.length) throw new Error(`Cannot read ${QUEUE_FILE} of version ${version}`);
    if (version < STEPS.length) {
      this.#write(() => {
        for (const step of STEPS.slice(version)) this.#sql.exec(step);
        this.#sql.pragma(`user_version = ${STEPS.length}`);
      });
    }
    this.#count = this.#countMails();
    this.#due = this.#sql.prepare(
      `SELECT ${COLUMNS} FROM mails WHERE next_at_ms <= ? AND domain NOT IN (SELECT value FROM json_each(?))
       ORDER BY next_at_ms, id LIMIT ?`,
    );
    this.#remembered = this.#sql
      .prepare<[string, string, number], 1>(
        "SELECT 1 FROM memory WHERE user_id = ? AND key = ? AND until_s > ?",
      )
      .pluck();
    this.#remember = this.#sql.prepare(
      "INSERT INTO memory VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until_s = excluded.until_s",
    );
  }

  /** Those that the last run may have handed over without learning the answer. */
  takeUncertain(text: string): readonly WaitingMail[] {
    return this.#write(() => {
      const rows = this.#sql.prepare<[], Row>(`SELECT ${COLUMNS} FROM mails WHERE handing_over = 1`).all();
      this.#sql
        .prepare<[string]>("UPDATE mails SET handing_over = 0, last_error = ? WHERE handing_over = 1")
        .run(text);
      return rows.map(toMail);
    });
  }

  get count(): number {
    return this.#count;
  }

  /** False when its key is remembered already. `rate`: what the user has sent, this mail included. */
  add(mail: QueuedMail, nowMs: number, rate?: UserRate): boolean {
    const isNew = this.#write(() => {
      if (!this.#add(mail, nowMs)) return false;
      if (rate !== undefined) this.#setRate(mail.userId, rate);
      return true;
    });
    if (isNew) this.#count += 1;
    return isNew;
  }

  /** All or none. */
  addAll(mails: readonly QueuedMail[], nowMs: number): void {
    this.#count += this.#write(() => mails.filter((mail) => this.#add(mail, nowMs)).length);
  }

  /** Of the mails that wait. */
  domains(): readonly string[] {
    return this.#sql.prepare<[], string>("SELECT DISTINCT domain FROM mails").pluck().all();
  }

  /** Those due longest first, without the domains named. */
  due(nowMs: number, without: readonly string[], limit: number): readonly WaitingMail[] {
    return this.#due.all(nowMs, JSON.stringify(without), limit).map(toMail);
  }

  nextDueMs(): number | undefined {
    return (
      this.#sql.prepare<[], number | null>("SELECT min(next_at_ms) FROM mails").pluck().get() ?? undefined
    );
  }

  find(id: number): WaitingMail | undefined {
    const row = this.#sql.prepare<[number], Row>(`SELECT ${COLUMNS} FROM mails WHERE id = ?`).get(id);
    return row === undefined ? undefined : toMail(row);
  }

  body(id: number): Buffer | undefined {
    return this.#sql.prepare<[number], Buffer>("SELECT body FROM bodies WHERE id = ?").pluck().get(id);
  }

  /** Oldest first, from behind `after`. */
  list(after: number, limit: number): readonly WaitingMail[] {
    return this.#sql
      .prepare<[number, number], Row>(`SELECT ${COLUMNS} FROM mails WHERE id > ? ORDER BY id LIMIT ?`)
      .all(after, limit)
      .map(toMail);
  }

  /** Just before the message itself goes out. */
  markHandingOver(id: number): void {
    this.#sql.prepare<[number]>("UPDATE mails SET handing_over = 1 WHERE id = ?").run(id);
  }

  /** Sent, given up or dropped; `reports` are queued in the same transaction. */
  remove(id: number, nowMs: number, reports: readonly QueuedMail[] = []): boolean {
    const removed = this.#write(() => {
      this.#sql.prepare<[number]>("DELETE FROM bodies WHERE id = ?").run(id);
      const { changes } = this.#sql.prepare<[number]>("DELETE FROM mails WHERE id = ?").run(id);
      for (const report of reports) this.#add(report, nowMs);
      return changes > 0;
    });
    this.#count += reports.length - (removed ? 1 : 0);
    return removed;
  }

  postpone(
    id: number,
    change: { readonly nextAtMs: number; readonly error: string; readonly delayNoticed: boolean },
    nowMs: number,
    reports: readonly QueuedMail[] = [],
  ): void {
    this.#write(() => {
      this.#sql
        .prepare<[number, string, number, number]>(
          `UPDATE mails SET attempts = attempts + 1, handing_over = 0, next_at_ms = ?, last_error = ?,
           delay_noticed = ? WHERE id = ?`,
        )
        .run(change.nextAtMs, change.error, change.delayNoticed ? 1 : 0, id);
      for (const report of reports) this.#add(report, nowMs);
    });
    this.#count += reports.length;
  }

  /** Nothing goes to a destination that does not answer before `untilMs`; domain undefined = all but `except`. */
  holdBack(domain: string | undefined, untilMs: number, except: readonly string[] = []): void {
    if (domain === undefined) {
      this.#sql
        .prepare<[number, number, string]>(
          `UPDATE mails SET next_at_ms = ? WHERE next_at_ms < ?
           AND domain NOT IN (SELECT value FROM json_each(?))`,
        )
        .run(untilMs, untilMs, JSON.stringify(except));
    } else {
      this.#sql
        .prepare<[number, string, number]>(
          "UPDATE mails SET next_at_ms = ? WHERE domain = ? AND next_at_ms < ?",
        )
        .run(untilMs, domain, untilMs);
    }
  }

  /** Due now; ids undefined = all. */
  hurry(ids: readonly number[] | undefined, nowMs: number): number {
    if (ids === undefined) {
      return this.#sql.prepare<[number]>("UPDATE mails SET next_at_ms = ?").run(nowMs).changes;
    }
    const statement = this.#sql.prepare<[number, number]>("UPDATE mails SET next_at_ms = ? WHERE id = ?");
    return this.#write(() => ids.reduce((sum, id) => sum + statement.run(nowMs, id).changes, 0));
  }

  isRemembered(userId: string, key: string, nowS: number): boolean {
    return this.#remembered.get(userId, key, nowS) === 1;
  }

  /** Undefined = nothing that counts. */
  rateOf(userId: string): UserRate | undefined {
    return this.#sql
      .prepare<[string], UserRate>(
        "SELECT started_at_ms AS startedAtMs, count FROM user_rates WHERE user_id = ?",
      )
      .get(userId);
  }

  #setRate(userId: string, { startedAtMs, count }: UserRate): void {
    this.#sql
      .prepare<[string, number, number]>("INSERT OR REPLACE INTO user_rates VALUES (?, ?, ?)")
      .run(userId, startedAtMs, count);
  }

  remember(userId: string, key: string, untilS: number): void {
    this.#remember.run(userId, key, untilS);
  }

  /** Forgets what is over. */
  sweep(nowS: number): number {
    this.#sql
      .prepare<[number]>("DELETE FROM user_rates WHERE started_at_ms <= ?")
      .run(nowS * 1000 - RATE_PERIOD_MS);
    return this.#sql
      .prepare<[number, number]>(
        "DELETE FROM memory WHERE (user_id, key) IN (SELECT user_id, key FROM memory WHERE until_s <= ? LIMIT ?)",
      )
      .run(nowS, SWEEP_ROWS).changes;
  }

  /** All changes in `work` are one commit. What it throws takes all of them back. */
  together<Result>(work: () => Result): Result {
    try {
      return this.#write(work);
    } catch (error) {
      this.#count = this.#countMails();
      throw error;
    }
  }

  close(): void {
    this.#sql.close();
  }

  #add(mail: QueuedMail, nowMs: number): boolean {
    const nowS = Math.floor(nowMs / 1000);
    if (mail.once !== undefined) {
      if (this.isRemembered(mail.userId, mail.once.key, nowS)) return false;
      this.remember(mail.userId, mail.once.key, nowS + mail.once.seconds);
    }
    const domain = mail.recipient.slice(mail.recipient.lastIndexOf("@") + 1).toLowerCase();
    const { lastInsertRowid } = this.#sql
      .prepare<[string, string, string, string, string, number, number, number]>(
        `INSERT INTO mails (kind, user_id, sender, recipient, domain, created_at_ms, next_at_ms, size_bytes)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(mail.kind, mail.userId, mail.sender, mail.recipient, domain, nowMs, nowMs, mail.bytes.length);
    this.#sql
      .prepare<[number | bigint, Buffer]>("INSERT INTO bodies VALUES (?, ?)")
      .run(lastInsertRowid, asBuffer(mail.bytes));
    return true;
  }

  #countMails(): number {
    return this.#sql.prepare<[], number>("SELECT count(*) FROM mails").pluck().get() ?? 0;
  }

  #write<Result>(change: () => Result): Result {
    return this.#sql.transaction(change).immediate();
  }
}

function toMail(row: Row): WaitingMail {
  return { ...row, delayNoticed: row.delayNoticed === 1 };
}

/** What came from another thread is a plain array of octets. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The journal as schedulers read and close it; what workers write is in sql-job-queue.ts. */
import type { SqlDatabase, SqlRow, SqlValue } from "../../base/io/sql/port.ts";
import type { Progress } from "../engine.ts";
import { MigrateError } from "../errors.ts";
import type { JobResult, MigrationStatus, Phase } from "../model.ts";
import type { JournalEntry, MigrationRecord } from "../record.ts";
import { numberOf, optionalNumber, optionalText, textOf } from "./row.ts";
import type { SharedClock } from "./shared-clock.ts";
import { noUser } from "./users.ts";
import type { WorkSignal } from "./work-signal.ts";

export interface JournalFilter {
  readonly source?: string | undefined;
  readonly sourceUid?: string | undefined;
  readonly status?: MigrationStatus | undefined;
  readonly phase?: Phase | undefined;
  /** Those that went back into the queue, with what stood in their way. */
  readonly isPaused?: boolean;
  /** Records with a greater id; 0 = from the first. */
  readonly after: number;
  readonly limit: number;
  /** The latest first; `after` is then an upper bound unless 0. */
  readonly latestFirst?: boolean;
}

export interface JournalCount {
  readonly source: string;
  readonly sourceHost: string;
  readonly phase: Phase;
  readonly status: MigrationStatus;
  readonly count: number;
}

const COLUMNS = `j.id, j.source, j.source_uid, j.source_host, j.target, j.phase, j.status, j.priority, j.dry_run, j.not_before,
  j.created, j.started, j.stopped, j.modified, j.backend, j.attempt, j.progress, j.result`;

export class Journal {
  readonly #database: SqlDatabase;
  readonly #clock: SharedClock;
  readonly #work: WorkSignal;

  constructor(database: SqlDatabase, clock: SharedClock, work: WorkSignal) {
    this.#database = database;
    this.#clock = clock;
    this.#work = work;
  }

  /** Of a user, or undefined when none was ever submitted. */
  async findLatest(source: string, sourceUid: string): Promise<MigrationRecord | undefined> {
    const [row] = await this.#database.query(
      `SELECT ${COLUMNS} FROM migrate_journal j WHERE j.source = $1 AND j.source_uid = $2 ORDER BY j.id DESC LIMIT 1`,
      [source, sourceUid],
    );
    return row === undefined ? undefined : toRecord(row);
  }

  async find(id: number): Promise<JournalEntry | undefined> {
    const [entry] = await this.#entries("j.id = $1", [id], "j.id", 1);
    return entry;
  }

  async list(filter: JournalFilter): Promise<readonly JournalEntry[]> {
    const { source, sourceUid, status, phase, isPaused = false, after, limit, latestFirst = false } = filter;
    const values: SqlValue[] = [];
    const conditions: string[] = [];
    const add = (condition: string, value: SqlValue | undefined): void => {
      if (value === undefined) return;
      values.push(value);
      conditions.push(`${condition} $${values.length}`);
    };
    add("j.source =", source);
    add("j.source_uid =", sourceUid);
    add("j.status =", status);
    add("j.phase =", phase);
    if (isPaused) conditions.push("j.status = 'READY' AND j.result IS NOT NULL");
    if (!latestFirst) add("j.id >", after);
    else if (after > 0) add("j.id <", after);
    return this.#entries(
      conditions.length === 0 ? "j.id > 0" : conditions.join(" AND "),
      values,
      latestFirst ? "j.id DESC" : "j.id",
      limit,
    );
  }

  /** Latest record of every user whose latest one is closed or open like that; without a source, of all. */
  async counts(source?: string): Promise<readonly JournalCount[]> {
    const rows = await this.#database.query(
      `SELECT source, source_host, phase, status, count(*) AS n FROM migrate_journal ${source === undefined ? "" : "WHERE source = $1"}
        GROUP BY source, source_host, phase, status ORDER BY source, source_host, phase, status`,
      source === undefined ? [] : [source],
    );
    return rows.map((row) => ({
      source: textOf(row, "source"),
      sourceHost: textOf(row, "source_host"),
      phase: textOf(row, "phase") as Phase,
      status: textOf(row, "status") as MigrationStatus,
      count: numberOf(row, "n"),
    }));
  }

  /**
   * Closes the open migration of a user (S4.43): it frees the host's connection, and what its worker still writes is
   * refused. @throws MigrateError not_found | conflict when it is closed already
   */
  async closeLatest(source: string, sourceUid: string, status: JobResult["status"]): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const closed = await this.#database.batch([
      {
        sql: `UPDATE migrate_journal SET status = $3, fence = fence + 1, stopped = $4, modified = $4, lease_until = NULL, holder = NULL,
          progress = NULL WHERE source = $1 AND source_uid = $2 AND status IN ('READY', 'SYNC')`,
        values: [source, sourceUid, status, nowMs],
        expectedChanges: 1,
      },
    ]);
    if (closed !== undefined) {
      this.#work.notify();
      return;
    }
    const latest = await this.findLatest(source, sourceUid);
    if (latest === undefined) throw noUser(sourceUid);
    throw new MigrateError(
      "conflict",
      `migration ${latest.id} of user "${sourceUid}" is closed as ${latest.status}`,
    );
  }

  async #entries(
    condition: string,
    values: readonly SqlValue[],
    order: string,
    limit: number,
  ): Promise<readonly JournalEntry[]> {
    const rows = await this.#database.query(
      `SELECT ${COLUMNS}, u.target_uid FROM migrate_journal j JOIN migrate_users u ON u.source = j.source AND u.source_uid = j.source_uid
        WHERE ${condition} ORDER BY ${order} LIMIT ${Math.trunc(limit)}`,
      values,
    );
    return rows.map((row) => ({
      source: textOf(row, "source"),
      sourceHost: textOf(row, "source_host"),
      target: textOf(row, "target"),
      targetUid: textOf(row, "target_uid"),
      record: toRecord(row),
    }));
  }
}

function toRecord(row: SqlRow): MigrationRecord {
  const resultText = optionalText(row, "result");
  const result = resultText === undefined ? undefined : (JSON.parse(resultText) as JobResult);
  const status = textOf(row, "status") as MigrationStatus;
  const progress = status === "SYNC" ? optionalText(row, "progress") : undefined;
  const notBefore = numberOf(row, "not_before");
  const attempts = numberOf(row, "attempt");
  return {
    id: numberOf(row, "id"),
    sourceUid: textOf(row, "source_uid"),
    created: isoTime(numberOf(row, "created")),
    status,
    phase: textOf(row, "phase") as Phase,
    priority: numberOf(row, "priority") === 1,
    ...(numberOf(row, "dry_run") === 1 && { dryRun: true }),
    ...(attempts > 1 && { attempts }),
    ...(status === "READY" && notBefore > 0 && { notBefore: isoTime(notBefore) }),
    ...time("started", optionalNumber(row, "started")),
    ...time("stopped", optionalNumber(row, "stopped")),
    ...(result !== undefined && {
      details: result.details.map(({ operation, ...detail }) => ({ [operation]: detail })),
    }),
    ...(row["backend"] !== null && { backend: textOf(row, "backend") }),
    modified: isoTime(numberOf(row, "modified")),
    ...(progress !== undefined && { progress: JSON.parse(progress) as Progress }),
    ...(result !== undefined && countsOf(result)),
  };
}

function countsOf(result: JobResult): Partial<MigrationRecord> {
  const { targetMessageCount, targetMailboxSize, sourceMessageCount, sourceMailboxSize, error } = result;
  return {
    ...(targetMessageCount !== undefined && { targetMessageCount }),
    ...(targetMailboxSize !== undefined && { targetMailboxSize }),
    ...(sourceMessageCount !== undefined && { sourceMessageCount }),
    ...(sourceMailboxSize !== undefined && { sourceMailboxSize }),
    expungedMessageCount: result.expungedMessageCount,
    syncMessageCount: result.syncMessageCount,
    syncSpeed: result.syncSpeed,
    ...(error !== undefined && { error }),
  };
}

function time<Name extends "started" | "stopped">(
  name: Name,
  ms: number | undefined,
): Partial<Record<Name, string>> {
  return ms === undefined ? {} : ({ [name]: isoTime(ms) } as Record<Name, string>);
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** How a migration as a whole stands: what `rookery migrate watch` and the dashboard show. */
import type { SqlDatabase } from "../../base/io/sql/port.ts";
import type { MigrationDatabase } from "../database/open.ts";
import { numberOf, textOf } from "../database/row.ts";
import { currentRate, isSlowedDown, type LearnedHost, learnedHosts } from "../pace/learned.ts";
import type { JournalEntry } from "../record.ts";

export interface Overview {
  readonly atMs: number;
  /** Users by their latest migration; those without one count as `waiting` of no phase. */
  readonly users: number;
  readonly done: number;
  readonly failed: number;
  readonly queued: number;
  readonly runningCount: number;
  /** The first ones. */
  readonly running: readonly RunningJob[];
  /** Of all jobs that run. */
  readonly messagesDone: number;
  readonly messagesTotal: number;
  readonly bytesDone: number;
  /** 0 where sources do not tell. */
  readonly bytesTotal: number;
  /** Taken from all hosts by the built-in engine, of the last seconds. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Queued ones that a target without room keeps there. */
  readonly pausedCount: number;
  readonly paused: readonly PausedJob[];
  /** Hosts that asked for less. */
  readonly slowHosts: readonly LearnedHost[];
  /** The latest ones first. */
  readonly failures: readonly {
    readonly source: string;
    readonly sourceUid: string;
    readonly error: string;
  }[];
}

export interface RunningJob {
  readonly id: number;
  readonly source: string;
  readonly sourceUid: string;
  readonly phase: string;
  readonly backend: string;
  readonly startedMs: number;
  readonly folder: string;
  readonly messagesDone: number;
  readonly messagesTotal: number;
  readonly bytesDone: number;
}

export interface PausedJob {
  readonly source: string;
  readonly sourceUid: string;
  readonly notBefore: string;
  readonly error: string;
}

/** What a running job has behind it. */
export interface JobProgress {
  readonly messagesDone: number;
  readonly bytesDone: number;
}

/** Jobs shown; there may be thousands. */
const MAX_SHOWN = 50;
const MAX_REASONS = 5;

export async function readOverview(
  { sql, journal, clock }: MigrationDatabase,
  source: string | undefined,
): Promise<Overview> {
  const values = source === undefined ? [] : [source];
  const ofSource = source === undefined ? "" : "AND j.source = $1";
  const sum = (field: string): string => `coalesce(sum(${progressOf(sql, field)}), 0) AS "${field}"`;
  const [rows, sums, running, pausedCount, paused, failed, hosts] = await Promise.all([
    sql.query(
      `SELECT coalesce(j.status, '') AS status, count(*) AS n FROM migrate_users u LEFT JOIN migrate_journal j ON j.id = (
          SELECT max(id) FROM migrate_journal l WHERE l.source = u.source AND l.source_uid = u.source_uid)
        ${source === undefined ? "" : "WHERE u.source = $1"} GROUP BY j.status`,
      values,
    ),
    sql.query(
      `SELECT ${["messagesDone", "messagesTotal", "bytesDone", "bytesTotal"].map(sum).join(", ")}
        FROM migrate_journal j WHERE j.status = 'SYNC' ${ofSource}`,
      values,
    ),
    journal.list({ source, status: "SYNC", after: 0, limit: MAX_SHOWN, latestFirst: false }),
    sql.query(
      `SELECT count(*) AS n FROM migrate_journal j WHERE j.status = 'READY' AND j.result IS NOT NULL ${ofSource}`,
      values,
    ),
    journal.list({ source, isPaused: true, after: 0, limit: MAX_REASONS, latestFirst: true }),
    journal.list({ source, status: "FAILED", after: 0, limit: MAX_REASONS, latestFirst: true }),
    learnedHosts(sql, source),
  ]);
  const counts = new Map(rows.map((row) => [textOf(row, "status"), numberOf(row, "n")]));
  const atMs = clock.nowMs();
  const rates = hosts.map((host) => currentRate(host, atMs));
  const total = (field: string): number => Number(sums[0]?.[field] ?? 0);
  return {
    atMs,
    users: [...counts.values()].reduce((all, count) => all + count, 0),
    done: counts.get("SUCCESS") ?? 0,
    failed: (counts.get("FAILED") ?? 0) + (counts.get("ABORTED") ?? 0),
    queued: counts.get("READY") ?? 0,
    runningCount: counts.get("SYNC") ?? 0,
    running: running.map(toRunning),
    messagesDone: total("messagesDone"),
    messagesTotal: total("messagesTotal"),
    bytesDone: total("bytesDone"),
    bytesTotal: total("bytesTotal"),
    messagesPerSecond: rates.reduce((all, { messages }) => all + messages, 0),
    bytesPerSecond: rates.reduce((all, { bytes }) => all + bytes, 0),
    pausedCount: pausedCount[0] === undefined ? 0 : numberOf(pausedCount[0], "n"),
    paused: paused.map(({ source: from, record }) => ({
      source: from,
      sourceUid: record.sourceUid,
      notBefore: record.notBefore ?? "",
      error: record.error ?? "",
    })),
    slowHosts: hosts.filter((host) => isSlowedDown(host, atMs)),
    failures: failed.map(({ source: from, record }) => ({
      source: from,
      sourceUid: record.sourceUid,
      error: record.error ?? "",
    })),
  };
}

/** Of all jobs that run, by their id: as many as source hosts have connections. */
export async function readProgress(
  { sql }: MigrationDatabase,
  source: string | undefined,
): Promise<ReadonlyMap<number, JobProgress>> {
  const rows = await sql.query(
    `SELECT j.id, ${progressOf(sql, "messagesDone")} AS messages, ${progressOf(sql, "bytesDone")} AS bytes
      FROM migrate_journal j WHERE j.status = 'SYNC' AND j.progress IS NOT NULL ${source === undefined ? "" : "AND j.source = $1"}`,
    source === undefined ? [] : [source],
  );
  return new Map(
    rows.map((row) => [
      numberOf(row, "id"),
      { messagesDone: Number(row["messages"]), bytesDone: Number(row["bytes"]) },
    ]),
  );
}

function progressOf({ dialect }: SqlDatabase, field: string): string {
  return dialect === "sqlite"
    ? `json_extract(j.progress, '$.${field}')`
    : `CAST(CAST(j.progress AS json) ->> '${field}' AS double precision)`;
}

function toRunning({ source, record }: JournalEntry): RunningJob {
  const { progress, started, created } = record;
  return {
    id: record.id,
    source,
    sourceUid: record.sourceUid,
    phase: record.phase,
    backend: record.backend ?? "",
    startedMs: Date.parse(started ?? created),
    folder: progress?.folder ?? "",
    messagesDone: progress?.messagesDone ?? 0,
    messagesTotal: progress?.messagesTotal ?? 0,
    bytesDone: progress?.bytesDone ?? 0,
  };
}

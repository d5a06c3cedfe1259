/** How a migration as a whole stands: what `rookery migrate watch` and the dashboard show. */
import type { MigrationDatabase } from "../database/open.ts";
import { numberOf, textOf } from "../database/row.ts";
import type { JournalEntry } from "../record.ts";

export interface Overview {
  readonly atMs: number;
  /** Users by their latest migration; those without one count as `waiting` of no phase. */
  readonly users: number;
  readonly done: number;
  readonly failed: number;
  readonly running: readonly RunningJob[];
  readonly queued: number;
  /** Of the jobs that run. */
  readonly messagesDone: number;
  readonly bytesDone: number;
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

/** Jobs and failures shown; there may be thousands. */
const MAX_SHOWN = 50;

export async function readOverview(
  migration: MigrationDatabase,
  source: string | undefined,
): Promise<Overview> {
  const { sql, journal, clock } = migration;
  const where = source === undefined ? "" : "WHERE u.source = $1";
  const [rows, running, failed] = await Promise.all([
    sql.query(
      `SELECT coalesce(j.status, '') AS status, count(*) AS n FROM migrate_users u LEFT JOIN migrate_journal j ON j.id = (
          SELECT max(id) FROM migrate_journal l WHERE l.source = u.source AND l.source_uid = u.source_uid)
        ${where} GROUP BY j.status`,
      source === undefined ? [] : [source],
    ),
    journal.list({ source, status: "SYNC", after: 0, limit: MAX_SHOWN, latestFirst: false }),
    journal.list({ source, status: "FAILED", after: 0, limit: 5, latestFirst: true }),
  ]);
  const counts = new Map(rows.map((row) => [textOf(row, "status"), numberOf(row, "n")]));
  const jobs = running.map(toRunning);
  const sum = (value: (job: RunningJob) => number): number =>
    jobs.reduce((total, job) => total + value(job), 0);
  return {
    atMs: clock.nowMs(),
    users: [...counts.values()].reduce((total, count) => total + count, 0),
    done: counts.get("SUCCESS") ?? 0,
    failed: (counts.get("FAILED") ?? 0) + (counts.get("ABORTED") ?? 0),
    queued: counts.get("READY") ?? 0,
    running: jobs,
    messagesDone: sum(({ messagesDone }) => messagesDone),
    bytesDone: sum(({ bytesDone }) => bytesDone),
    failures: failed.map(({ source: from, record }) => ({
      source: from,
      sourceUid: record.sourceUid,
      error: record.error ?? "",
    })),
  };
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

/** Rates between two looks at the jobs that ran at both; ends of users over the whole time of watching. */
export class Rates {
  readonly #first: Overview;
  #last: Overview;
  messagesPerSecond = 0;
  bytesPerSecond = 0;

  constructor(first: Overview) {
    this.#first = first;
    this.#last = first;
  }

  add(next: Overview): void {
    const seconds = (next.atMs - this.#last.atMs) / 1000;
    const before = new Map(this.#last.running.map((job) => [job.id, job]));
    let messages = 0;
    let bytes = 0;
    for (const job of next.running) {
      const earlier = before.get(job.id);
      messages += Math.max(0, job.messagesDone - (earlier?.messagesDone ?? 0));
      bytes += Math.max(0, job.bytesDone - (earlier?.bytesDone ?? 0));
    }
    if (seconds > 0) {
      this.messagesPerSecond = messages / seconds;
      this.bytesPerSecond = bytes / seconds;
    }
    this.#last = next;
  }

  /** undefined while nobody has been finished since watching began. */
  get secondsLeft(): number | undefined {
    const ended = (overview: Overview): number => overview.done + overview.failed;
    const finished = ended(this.#last) - ended(this.#first);
    const seconds = (this.#last.atMs - this.#first.atMs) / 1000;
    const left = this.#last.queued + this.#last.running.length;
    return finished <= 0 ? undefined : (left * seconds) / finished;
  }
}

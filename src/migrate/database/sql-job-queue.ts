/**
 * The journal as workers have it. Whoever takes jobs of a source host first changes the host's row, so that takes of one
 * host come one after the other, in all workers, and each sees how many jobs of it run: its connections are counted from
 * the journal and cannot leak (S4.22, S4.41).
 */
import type { Clock, Timer } from "../../base/io/clock.ts";
import type { Random } from "../../base/io/random.ts";
import type { SqlDatabase, SqlRow, SqlStatement, SqlValue } from "../../base/io/sql/port.ts";
import type { Log } from "../../base/log.ts";
import type { Progress } from "../engine.ts";
import { MigrateError } from "../errors.ts";
import type { BackendIdentity, BackendOrders, BackendState, JobQueue } from "../job-queue.ts";
import type { JobResult, MigrationJob, Phase } from "../model.ts";
import type { StorageKeys } from "../secrets.ts";
import { numberOf, textOf } from "./row.ts";
import type { SharedClock } from "./shared-clock.ts";
import { toHost } from "./sources.ts";
import { toStoredUser, USER_COLUMNS } from "./user-row.ts";
import type { WorkSignal } from "./work-signal.ts";
import type { Waves } from "../plan/waves.ts";

/** Workers of other processes look this often for what nobody tells them. */
const LOOK_MS = 1_000;
/** A job that took so many workers down with it is not given out again. */
const MAX_ATTEMPTS = 10;

export interface SqlJobQueuePorts {
  readonly database: SqlDatabase;
  readonly clock: SharedClock;
  readonly random: Random;
  readonly keys: StorageKeys;
  readonly work: WorkSignal;
  readonly waves: Waves;
  readonly log: Log;
}

interface HostWithJobs {
  readonly source: string;
  readonly name: string;
  readonly free: number;
}

export class SqlJobQueue implements JobQueue {
  readonly #ports: SqlJobQueuePorts;
  /** The initial state counts for a worker's start, not for its return after the database was away. */
  #registered = false;

  constructor(ports: SqlJobQueuePorts) {
    this.#ports = ports;
  }

  async register({ target, name, version }: BackendIdentity, initial: BackendOrders): Promise<BackendOrders> {
    const { database, clock } = this.#ports;
    await clock.synchronize();
    const nowMs = clock.nowMs();
    await database.batch([
      {
        sql: "INSERT INTO migrate_targets (name, created) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        values: [target, nowMs],
      },
      {
        sql: `INSERT INTO migrate_backends (target, name, state, max_threads, initial_state, version, running, started, heartbeat)
          VALUES ($1, $2, $3, $4, $3, $5, 0, $6, $6)
          ON CONFLICT (target, name) DO UPDATE SET version = $5, heartbeat = $6
          ${this.#registered ? "" : ", state = migrate_backends.initial_state, started = $6, running = 0"}`,
        values: [target, name, initial.state, initial.maxThreads, version, nowMs],
      },
    ]);
    this.#registered = true;
    return (await this.#orders(target, name)) ?? initial;
  }

  async heartbeat(backend: BackendIdentity, running: number): Promise<BackendOrders> {
    const { database, clock } = this.#ports;
    await clock.synchronize();
    const { target, name } = backend;
    const known = await database.batch([
      {
        sql: "UPDATE migrate_backends SET running = $3, heartbeat = $4 WHERE target = $1 AND name = $2",
        values: [target, name, running, clock.nowMs()],
        expectedChanges: 1,
      },
    ]);
    const orders = known === undefined ? undefined : await this.#orders(target, name);
    // Its row was removed while it lives.
    return orders ?? this.register(backend, { state: "RUNNING", maxThreads: 1 });
  }

  async take(backend: BackendIdentity, limit: number, leaseMs: number): Promise<readonly MigrationJob[]> {
    if (limit <= 0) return [];
    const { database, random } = this.#ports;
    await this.#returnExpired();
    const closed = await this.#ports.waves.closed();
    const chosen = await this.#choose(backend.target, limit, closed);
    if (chosen.size === 0) return [];
    const holder = random.bytes(16).toString("hex");
    for (const [host, count] of chosen)
      await database.batch(this.#takeOf(host, count, backend, holder, leaseMs, closed));
    return this.#heldBy(holder);
  }

  async renew(jobs: readonly MigrationJob[], leaseMs: number): Promise<ReadonlySet<number>> {
    const { database, clock } = this.#ports;
    const leaseUntil = clock.nowMs() + leaseMs;
    const counts = await database.batch(
      jobs.map(({ id, fence }) => ({
        sql: "UPDATE migrate_journal SET lease_until = $3 WHERE id = $1 AND fence = $2 AND status = 'SYNC'",
        values: [id, fence, leaseUntil],
      })),
    );
    return new Set(jobs.filter((_, at) => counts?.[at] === 1).map(({ id }) => id));
  }

  async recall(jobs: readonly MigrationJob[]): Promise<ReadonlySet<number>> {
    const closed = jobs.length === 0 ? [] : await this.#ports.waves.closed();
    if (closed.length === 0) return new Set();
    const rows = await this.#ports.database.query(
      `SELECT j.id FROM migrate_journal j WHERE j.phase = 'PRE_SYNC' AND j.wave IN (${placeholders(closed, 1)})
        AND j.id IN (${placeholders(jobs, closed.length + 1)})`,
      [...closed, ...jobs.map(({ id }) => id)],
    );
    return new Set(rows.map((row) => numberOf(row, "id")));
  }

  guard({ id, fence }: MigrationJob): SqlStatement {
    return {
      sql: "UPDATE migrate_journal SET fence = fence WHERE id = $1 AND fence = $2 AND status = 'SYNC'",
      values: [id, fence],
      expectedChanges: 1,
    };
  }

  progress(job: MigrationJob, progress: Progress): Promise<boolean> {
    return this.#change(job, "progress = $3, modified = $4", [
      JSON.stringify(progress),
      this.#ports.clock.nowMs(),
    ]);
  }

  async finish(job: MigrationJob, result: JobResult): Promise<boolean> {
    const nowMs = this.#ports.clock.nowMs();
    const done = await this.#change(
      job,
      "status = $3, result = $4, progress = NULL, stopped = $5, modified = $5, lease_until = NULL, holder = NULL",
      [result.status, JSON.stringify(result), nowMs],
    );
    // The host has a free connection.
    this.#ports.work.notify();
    return done;
  }

  async giveBack(job: MigrationJob, delayMs: number): Promise<boolean> {
    return await this.#return(job, delayMs, "", []);
  }

  async pause(job: MigrationJob, delayMs: number, result: JobResult): Promise<boolean> {
    return await this.#return(job, delayMs, ", pauses = pauses + 1, result = $5", [JSON.stringify(result)]);
  }

  async #return(
    job: MigrationJob,
    delayMs: number,
    more: string,
    values: readonly SqlValue[],
  ): Promise<boolean> {
    const nowMs = this.#ports.clock.nowMs();
    const done = await this.#change(
      job,
      // It took no worker down with it, so it is no attempt.
      `status = 'READY', not_before = $3, modified = $4, lease_until = NULL, holder = NULL, backend = NULL, progress = NULL, attempt = attempt - 1${more}`,
      [delayMs === 0 ? 0 : nowMs + delayMs, nowMs, ...values],
    );
    this.#ports.work.notify();
    return done;
  }

  onWork(clock: Clock, listener: () => void): () => void {
    const stopListening = this.#ports.work.listen(listener);
    let timer: Timer;
    const look = (): void => {
      timer = clock.setTimer(LOOK_MS, () => {
        listener();
        look();
      });
    };
    look();
    return () => {
      timer.cancel();
      stopListening();
    };
  }

  async #orders(target: string, name: string): Promise<BackendOrders | undefined> {
    const [row] = await this.#ports.database.query(
      "SELECT state, max_threads FROM migrate_backends WHERE target = $1 AND name = $2",
      [target, name],
    );
    if (row === undefined) return undefined;
    return { state: textOf(row, "state") as BackendState, maxThreads: numberOf(row, "max_threads") };
  }

  async #change(job: MigrationJob, assignments: string, values: readonly SqlValue[]): Promise<boolean> {
    const changed = await this.#ports.database.batch([
      {
        sql: `UPDATE migrate_journal SET ${assignments} WHERE id = $1 AND fence = $2 AND status = 'SYNC'`,
        values: [job.id, job.fence, ...values],
        expectedChanges: 1,
      },
    ]);
    return changed !== undefined;
  }

  /** Jobs of workers that died or were cut off go back into the queue by themselves (S4.44). */
  async #returnExpired(): Promise<void> {
    const { database, clock, log } = this.#ports;
    const nowMs = clock.nowMs();
    const [expired] = await database.query(
      "SELECT count(*) AS n FROM migrate_journal WHERE status = 'SYNC' AND lease_until < $1",
      [nowMs],
    );
    if (expired === undefined || expired["n"] === 0) return;
    const lost: JobResult = {
      status: "FAILED",
      details: [],
      syncMessageCount: 0,
      expungedMessageCount: 0,
      syncSpeed: 0,
      error: `${MAX_ATTEMPTS} workers were lost with this migration`,
    };
    const counts = await database.batch([
      {
        sql: `UPDATE migrate_journal SET status = 'FAILED', result = $3, stopped = $1, modified = $1, lease_until = NULL, holder = NULL
          WHERE status = 'SYNC' AND lease_until < $1 AND attempt >= $2`,
        values: [nowMs, MAX_ATTEMPTS, JSON.stringify(lost)],
      },
      {
        sql: `UPDATE migrate_journal SET status = 'READY', modified = $1, lease_until = NULL, holder = NULL, backend = NULL, progress = NULL
          WHERE status = 'SYNC' AND lease_until < $1`,
        values: [nowMs],
      },
    ]);
    log.warn("jobs of lost workers", { failed: counts?.[0], returned: counts?.[1] });
  }

  /** How many jobs of which hosts: priority first, then the oldest. */
  async #choose(
    target: string,
    limit: number,
    closed: readonly string[],
  ): Promise<ReadonlyMap<HostWithJobs, number>> {
    const { database, clock } = this.#ports;
    const nowMs = clock.nowMs();
    const rows = await database.query(
      `SELECT h.source, h.name, h.max_connections - (
          SELECT count(*) FROM migrate_journal r WHERE r.source = h.source AND r.source_host = h.name AND r.status = 'SYNC') AS free
        FROM migrate_source_hosts h WHERE EXISTS (
          SELECT 1 FROM migrate_journal j WHERE j.source = h.source AND j.source_host = h.name AND j.target = $1
          AND j.status = 'READY' AND j.not_before <= $2 ${inOpenWave(closed, 3)})`,
      [target, nowMs, ...closed],
    );
    const hosts = rows
      .map((row) => ({
        source: textOf(row, "source"),
        name: textOf(row, "name"),
        free: numberOf(row, "free"),
      }))
      .filter(({ free }) => free > 0);
    const candidates: { readonly host: HostWithJobs; readonly priority: number; readonly id: number }[] = [];
    for (const host of hosts) {
      const first = await database.query(
        `SELECT j.id, j.priority FROM migrate_journal j WHERE j.source = $1 AND j.source_host = $2 AND j.target = $3
          AND j.status = 'READY' AND j.not_before <= $4 ${inOpenWave(closed, 6)} ORDER BY j.priority DESC, j.id LIMIT $5`,
        [host.source, host.name, target, nowMs, Math.min(host.free, limit), ...closed],
      );
      for (const row of first) {
        candidates.push({ host, priority: numberOf(row, "priority"), id: numberOf(row, "id") });
      }
    }
    candidates.sort((a, b) => b.priority - a.priority || a.id - b.id);
    const chosen = new Map<HostWithJobs, number>();
    for (const { host } of candidates.slice(0, limit)) chosen.set(host, (chosen.get(host) ?? 0) + 1);
    return chosen;
  }

  #takeOf(
    { source, name }: HostWithJobs,
    count: number,
    backend: BackendIdentity,
    holder: string,
    leaseMs: number,
    closed: readonly string[],
  ): SqlStatement[] {
    const nowMs = this.#ports.clock.nowMs();
    return [
      // Other takers of the host wait here until this one is committed.
      {
        sql: "UPDATE migrate_source_hosts SET takes = takes + 1 WHERE source = $1 AND name = $2",
        values: [source, name],
      },
      {
        sql: `UPDATE migrate_journal SET status = 'SYNC', fence = fence + 1, attempt = attempt + 1, holder = $4, backend = $5,
            lease_until = $6, started = $7, modified = $7, result = NULL
          WHERE id IN (
            SELECT j.id FROM migrate_journal j
            WHERE j.source = $1 AND j.source_host = $2 AND j.target = $3 AND j.status = 'READY' AND j.not_before <= $7 ${inOpenWave(closed, 9)}
            ORDER BY j.priority DESC, j.id
            LIMIT (SELECT CASE WHEN free <= 0 THEN 0 WHEN free < $8 THEN free ELSE $8 END FROM (
              SELECT h.max_connections - (
                SELECT count(*) FROM migrate_journal r WHERE r.source = $1 AND r.source_host = $2 AND r.status = 'SYNC') AS free
              FROM migrate_source_hosts h WHERE h.source = $1 AND h.name = $2) AS room)
          ) AND status = 'READY'`,
        values: [
          source,
          name,
          backend.target,
          holder,
          `${backend.target}/${backend.name}`,
          nowMs + leaseMs,
          nowMs,
          count,
          ...closed,
        ],
      },
    ];
  }

  async #heldBy(holder: string): Promise<readonly MigrationJob[]> {
    const rows = await this.#ports.database.query(
      `SELECT j.id, j.phase, j.priority, j.dry_run, j.fence, j.attempt, j.pauses, ${USER_COLUMNS}, h.name, h.max_connections, h.migration_command_1,
          h.migration_command_2, h.status_command, h.max_messages_per_second, h.max_bytes_per_second
        FROM migrate_journal j
        JOIN migrate_users u ON u.source = j.source AND u.source_uid = j.source_uid
        JOIN migrate_source_hosts h ON h.source = j.source AND h.name = j.source_host
        WHERE j.holder = $1 AND j.status = 'SYNC' ORDER BY j.priority DESC, j.id`,
      [holder],
    );
    const jobs: MigrationJob[] = [];
    for (const row of rows) {
      const job = await this.#open(row);
      if (job !== undefined) jobs.push(job);
    }
    return jobs;
  }

  /** undefined when the user's password does not open: then the migration has failed. */
  async #open(row: SqlRow): Promise<MigrationJob | undefined> {
    const { password, ...user } = toStoredUser(row);
    const job: MigrationJob = {
      id: numberOf(row, "id"),
      user: { ...user, password: undefined },
      host: toHost(row),
      phase: textOf(row, "phase") as Phase,
      priority: numberOf(row, "priority") === 1,
      dryRun: numberOf(row, "dry_run") === 1,
      fence: numberOf(row, "fence"),
      attempt: numberOf(row, "attempt"),
      pauses: numberOf(row, "pauses"),
    };
    if (password === undefined) return job;
    try {
      return { ...job, user: { ...job.user, password: this.#ports.keys.decrypt(password, user) } };
    } catch (error) {
      if (!(error instanceof MigrateError)) throw error;
      await this.finish(job, {
        status: "FAILED",
        details: [],
        syncMessageCount: 0,
        expungedMessageCount: 0,
        syncSpeed: 0,
        error: error.message,
      });
      return undefined;
    }
  }
}

/** `AND …` for jobs of no wave or of one that is not closed; the names are values from `$first` on. */
function inOpenWave(closed: readonly string[], first: number): string {
  return closed.length === 0 ? "" : `AND (j.wave IS NULL OR j.wave NOT IN (${placeholders(closed, first)}))`;
}

function placeholders(values: readonly unknown[], first: number): string {
  return values.map((_, i) => `$${first + i}`).join(", ");
}

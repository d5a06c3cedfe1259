/**
 * Takes jobs from the queue and has an engine do them.
 *
 * Promises:
 * - A job is worked on only while its lease is held: leases are renewed together, well before they end, and when that
 *   cannot be done in time (database gone, machine asleep) the jobs are stopped before another worker may begin them.
 * - A result is written with retries while the lease lasts; what cannot be written is logged (S4.42) and the job comes
 *   back by itself when its lease has run out.
 * - Pausing lets running jobs end, stopping gives them back; both are told by the backend's row (S4.73).
 */
import type { Clock, Timer } from "../../base/io/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Engine, Pace, Progress } from "../engine.ts";
import type { BackendIdentity, BackendOrders, JobQueue } from "../job-queue.ts";
import type { JobResult, MigrationJob } from "../model.ts";
import type { WorkerMetrics } from "./metrics.ts";

export interface WorkerPorts {
  readonly queue: JobQueue;
  readonly identity: BackendIdentity;
  readonly initial: BackendOrders;
  readonly leaseMs: number;
  readonly chooseEngine: (job: MigrationJob) => Engine;
  readonly paceOf: (job: MigrationJob, signal: AbortSignal) => Pace;
  /** Around every engine: hooks, the check before a cutover. */
  readonly around: (
    job: MigrationJob,
    context: AroundContext,
    run: () => Promise<JobResult>,
  ) => Promise<JobResult>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: WorkerMetrics;
}

export interface AroundContext {
  readonly signal: AbortSignal;
  /** False once the job may be somebody else's. */
  readonly isHeld: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

interface Running {
  readonly job: MigrationJob;
  readonly abort: AbortController;
  readonly done: Promise<void>;
  /** By the monotonic clock: before this the lease was surely ours. */
  leaseEndsMs: number;
  progressAtMs: number;
  progressUnderWay: boolean;
  /** "returned": stopped on purpose and given back. "lost": somebody else's now, so nothing is written. */
  fate: "running" | "returned" | "lost";
}

/** Leases are renewed three times within their length. */
const RENEWALS_PER_LEASE = 3;
/** Stopping an engine takes a moment: jobs end this much before their lease does. */
const LEASE_MARGIN = 0.25;
/** How often leases are looked at, besides each round: a round may hang in a database that says nothing. */
const LOOKS_PER_LEASE = 8;
const PROGRESS_EVERY_MS = 2_000;
const FINISH_RETRY_MS = 1_000;
/** After a failed round with the database. */
const MAX_BACKOFF_MS = 30_000;

export class Worker {
  readonly #ports: WorkerPorts;
  readonly #running = new Map<number, Running>();
  #orders: BackendOrders;
  #stopping = false;
  #taking: Promise<void> | undefined;
  #takeAgain = false;
  #failures = 0;
  #timer: Timer | undefined;
  #leaseTimer: Timer | undefined;
  #stopListening: () => void = () => undefined;

  constructor(ports: WorkerPorts) {
    this.#ports = ports;
    this.#orders = ports.initial;
  }

  get runningJobs(): readonly MigrationJob[] {
    return [...this.#running.values()].map(({ job }) => job);
  }

  /** Registers the backend and begins to take jobs; a database that is not there yet is waited for. */
  start(): void {
    const { queue, clock } = this.#ports;
    this.#stopListening = queue.onWork(clock, () => this.#take());
    void this.#beat(true);
    this.#watchLeases();
  }

  /** Stops taking, gives running jobs back, waits until their engines have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#stopListening();
    this.#timer?.cancel();
    await this.#taking;
    this.#returnAll("shutdown");
    await Promise.all([...this.#running.values()].map(({ done }) => done));
    this.#leaseTimer?.cancel();
  }

  /** One round: orders, leases. Comes again by itself. */
  async #beat(first = false): Promise<void> {
    const { queue, identity, initial, clock, log, leaseMs } = this.#ports;
    try {
      const before = this.#orders;
      this.#orders =
        first || this.#failures > 0
          ? await queue.register(identity, initial)
          : await queue.heartbeat(identity, this.#running.size);
      if (this.#orders.state !== before.state) log.info("backend state", { state: this.#orders.state });
      if (this.#orders.state === "STOPPED") this.#returnAll("backend stopped");
      await this.#renew();
      this.#failures = 0;
      this.#take();
    } catch (error) {
      this.#failures += 1;
      log.error("the migration database does not answer", { err: error, attempt: this.#failures });
      this.#dropExpired();
    }
    if (this.#stopping) return;
    const everyMs = leaseMs / RENEWALS_PER_LEASE;
    const backoffMs = Math.min(MAX_BACKOFF_MS, 250 * 2 ** Math.min(this.#failures, 10));
    this.#timer = clock.setTimer(this.#failures === 0 ? everyMs : Math.min(everyMs, backoffMs), () => {
      void this.#beat();
    });
  }

  async #renew(): Promise<void> {
    const { queue, clock, leaseMs } = this.#ports;
    const held = [...this.#running.values()].filter(({ fate }) => fate === "running");
    if (held.length === 0) return;
    const askedAtMs = clock.monotonicMs();
    const still = await queue.renew(
      held.map(({ job }) => job),
      leaseMs,
    );
    for (const running of held) {
      if (still.has(running.job.id)) running.leaseEndsMs = askedAtMs + leaseMs;
      else this.#lose(running, "the job was closed or given to another worker");
    }
    const recalled = await queue.recall(held.map(({ job }) => job));
    for (const running of held) {
      if (recalled.has(running.job.id)) this.#return(running, "its wave is paused or its window is over");
    }
  }

  #watchLeases(): void {
    const { clock, leaseMs } = this.#ports;
    this.#leaseTimer = clock.setTimer(leaseMs / LOOKS_PER_LEASE, () => {
      this.#dropExpired();
      this.#watchLeases();
    });
  }

  /** Jobs whose lease is about to end without having been renewed belong to nobody soon. */
  #dropExpired(): void {
    const { clock, leaseMs } = this.#ports;
    const limitMs = clock.monotonicMs() + leaseMs * LEASE_MARGIN;
    for (const running of this.#running.values()) {
      if (running.leaseEndsMs <= limitMs) this.#lose(running, "its lease could not be renewed");
    }
  }

  #lose(running: Running, why: string): void {
    if (running.fate !== "running") return;
    running.fate = "lost";
    this.#ports.log.warn("job stopped", { job: running.job.id, reason: why });
    running.abort.abort();
  }

  #returnAll(why: string): void {
    for (const running of this.#running.values()) this.#return(running, why);
  }

  #return(running: Running, why: string): void {
    if (running.fate !== "running") return;
    running.fate = "returned";
    this.#ports.log.info("job given back", { job: running.job.id, reason: why });
    running.abort.abort();
  }

  /** Fills the free threads; calls that come while one is under way make it look once more. */
  #take(): void {
    if (this.#stopping) return;
    if (this.#taking !== undefined) {
      this.#takeAgain = true;
      return;
    }
    this.#taking = this.#takeJobs().finally(() => {
      this.#taking = undefined;
      if (this.#takeAgain) {
        this.#takeAgain = false;
        this.#take();
      }
    });
  }

  async #takeJobs(): Promise<void> {
    const { queue, identity, clock, leaseMs, log } = this.#ports;
    const free = this.#orders.maxThreads - this.#running.size;
    if (this.#orders.state !== "RUNNING" || free <= 0) return;
    try {
      const askedAtMs = clock.monotonicMs();
      const jobs = await queue.take(identity, free, leaseMs);
      for (const job of jobs) this.#begin(job, askedAtMs + leaseMs);
    } catch (error) {
      log.error("could not take jobs", { err: error });
    }
  }

  #begin(job: MigrationJob, leaseEndsMs: number): void {
    const abort = new AbortController();
    const running: Running = {
      job,
      abort,
      leaseEndsMs,
      progressAtMs: 0,
      progressUnderWay: false,
      fate: "running",
      // Begins in its own turn, so that `running` is whole.
      done: Promise.resolve().then(() => this.#work(running)),
    };
    this.#running.set(job.id, running);
  }

  async #work(running: Running): Promise<void> {
    const { job, abort } = running;
    const { queue, clock, log, metrics, chooseEngine, paceOf, around } = this.#ports;
    const { signal } = abort;
    const startedAtMs = clock.monotonicMs();
    const engine = chooseEngine(job);
    const jobLog = withJob(log, job);
    jobLog.info("migration begins", {
      source: job.user.source,
      user: job.user.sourceUid,
      target: job.user.targetUid,
      host: job.host.name,
      phase: job.phase,
      engine: engine.name,
      dryRun: job.dryRun,
    });
    let result: JobResult;
    try {
      result = await around(job, { signal, clock, log: jobLog, isHeld: () => running.fate !== "lost" }, () =>
        engine.run(job, {
          signal,
          clock,
          log: jobLog,
          pace: paceOf(job, signal),
          fence: queue.guard(job),
          progress: (progress) => this.#progress(running, progress),
        }),
      );
    } catch (error) {
      jobLog.error("migration failed by a fault of the program", { err: error });
      result = {
        status: "FAILED",
        details: [],
        syncMessageCount: 0,
        expungedMessageCount: 0,
        syncSpeed: 0,
        error: error instanceof Error ? error.message : String(error),
      };
    }
    const { retry } = result;
    const isPaused = retry !== undefined && job.pauses < retry.pauses;
    if (retry !== undefined && !isPaused) {
      result = { ...result, error: `${result.error ?? "failed"} (still after ${job.pauses} pauses)` };
    }
    await this.#end(running, result, isPaused, jobLog);
    this.#running.delete(job.id);
    if (isPaused) metrics.paused(job, result);
    else metrics.ended(job, result, (clock.monotonicMs() - startedAtMs) / 1000);
    this.#take();
  }

  async #end(running: Running, result: JobResult, isPaused: boolean, log: Log): Promise<void> {
    const { queue, clock } = this.#ports;
    const { job } = running;
    const write = (): Promise<boolean> => {
      if (running.fate === "returned" && result.status === "ABORTED") return queue.giveBack(job, 0);
      return isPaused ? queue.pause(job, result.retry?.afterMs ?? 0, result) : queue.finish(job, result);
    };
    if (running.fate === "lost") return;
    for (;;) {
      try {
        if (await write()) {
          const { status, syncMessageCount, syncSpeed, error } = result;
          log.info("migration ended", {
            status: running.fate === "returned" ? "returned" : isPaused ? "paused" : status,
            messages: syncMessageCount,
            tookMs: syncSpeed,
            ...(error !== undefined && { error }),
          });
        } else log.warn("the result came too late: the job was closed or given to another worker");
        return;
      } catch (error) {
        if (clock.monotonicMs() + FINISH_RETRY_MS > running.leaseEndsMs) {
          log.error("Failure to send job response", { err: error, status: result.status });
          return;
        }
        await new Promise<void>((resolve) => clock.setTimer(FINISH_RETRY_MS, resolve));
      }
    }
  }

  #progress(running: Running, progress: Progress): void {
    const { queue, clock, log } = this.#ports;
    const nowMs = clock.monotonicMs();
    if (running.progressUnderWay || nowMs - running.progressAtMs < PROGRESS_EVERY_MS) return;
    running.progressAtMs = nowMs;
    running.progressUnderWay = true;
    queue
      .progress(running.job, progress)
      .then((held) => {
        if (!held) this.#lose(running, "the job was closed or given to another worker");
      })
      .catch((error: unknown) => log.debug("progress not written", { err: error }))
      .finally(() => {
        running.progressUnderWay = false;
      });
  }
}

/** Every line of a job carries its id (S4.14). */
function withJob(log: Log, job: MigrationJob): Log {
  const add = (fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
    jobId: job.id,
    ...fields,
  });
  return {
    trace: (event, fields) => log.trace(event, add(fields)),
    debug: (event, fields) => log.debug(event, add(fields)),
    info: (event, fields) => log.info(event, add(fields)),
    warn: (event, fields) => log.warn(event, add(fields)),
    error: (event, fields) => log.error(event, add(fields)),
    enabled: (level) => log.enabled(level),
  };
}

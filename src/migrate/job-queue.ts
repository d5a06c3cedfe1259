/**
 * The jobs as workers see them; `database/` implements it over SQL.
 *
 * A worker holds a job by a lease with a fence: a number that grows each time the job is given out. Everything that a
 * worker writes about a job names the fence, and is refused once somebody else holds the job or it was closed, so that a
 * worker that was cut off and comes back cannot overwrite what happened since (S4.41–44). Jobs of a host that run are
 * those with a live lease: there is no counter that could leak.
 */
import type { Clock } from "../base/io/clock.ts";
import type { SqlStatement } from "../base/io/sql/port.ts";
import type { JobResult, MigrationJob } from "./model.ts";
import type { Progress } from "./engine.ts";

export type BackendState = "RUNNING" | "PAUSED" | "STOPPED";

/** What an administrator wants of a worker, told with every heartbeat. */
export interface BackendOrders {
  readonly state: BackendState;
  readonly maxThreads: number;
}

export interface BackendIdentity {
  /** Target that the worker serves, and its own name in it: "default/dmf-worker" in records. */
  readonly target: string;
  readonly name: string;
  readonly version: string;
}

export interface JobQueue {
  /** Makes the target and the backend known; answers what stands in its row, with the given values when it is new. */
  register(backend: BackendIdentity, initial: BackendOrders): Promise<BackendOrders>;
  /** Says that the worker lives; answers its orders. */
  heartbeat(backend: BackendIdentity, running: number): Promise<BackendOrders>;
  /**
   * Leases up to `limit` jobs of the worker's target: those with priority first, then the oldest; never more of a source
   * host than its maxConnections over all workers, never two of one user. Jobs whose lease ran out are given out again.
   */
  take(backend: BackendIdentity, limit: number, leaseMs: number): Promise<readonly MigrationJob[]>;
  /** Renews leases; answers the ids that are still held. The others must be stopped at once. */
  renew(jobs: readonly MigrationJob[], leaseMs: number): Promise<ReadonlySet<number>>;
  /** Changes exactly one row while the job is held: stands at the head of what an engine writes itself. */
  guard(job: MigrationJob): SqlStatement;
  /** Those that must be given back, to be gone on with later: pre-syncs whose wave was paused or whose window is over. */
  recall(jobs: readonly MigrationJob[]): Promise<ReadonlySet<number>>;
  /** False when the job is no longer held. */
  progress(job: MigrationJob, progress: Progress): Promise<boolean>;
  finish(job: MigrationJob, result: JobResult): Promise<boolean>;
  /** Back into the queue, to be taken not before `delayMs`: shutdown, pause, outside of its window. */
  giveBack(job: MigrationJob, delayMs: number): Promise<boolean>;
  /** Back into the queue with what stood in its way, for everybody to see; counted in the job's `pauses`. */
  pause(job: MigrationJob, delayMs: number, result: JobResult): Promise<boolean>;
  /** Calls the listener when there may be a job to take: submitted, returned, ended. Where the engine cannot tell, at a bounded interval. */
  onWork(clock: Clock, listener: () => void): () => void;
}

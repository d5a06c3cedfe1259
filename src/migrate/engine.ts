/** What moves one user's mail. The worker makes the job; an engine does it and says what happened. */
import type { Clock } from "../base/io/clock.ts";
import type { SqlStatement } from "../base/io/sql/port.ts";
import type { Log } from "../base/log.ts";
import type { JobResult, MigrationJob } from "./model.ts";

export interface Engine {
  readonly name: "command" | "imap";
  /**
   * Resolves also for a failed migration (status FAILED with the reason). Rejects only for bugs.
   * Stops soon after `context.signal` is aborted (lease lost, pause, shutdown) with status ABORTED, leaving a state from
   * which the next run goes on.
   */
  run(job: MigrationJob, context: EngineContext): Promise<JobResult>;
}

export interface EngineContext {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Carries the job's id; also written to the user's own log file where that is configured. */
  readonly log: Log;
  /** Waits until a so large piece may be moved from the job's source host (limits over all workers, backoff). */
  readonly pace: Pace;
  /**
   * Stands at the head of every batch that an engine writes to the migration's database: changes exactly one row while
   * the job is held, none afterwards, so that a revived worker writes nothing. undefined = nobody else can hold it.
   */
  readonly fence?: SqlStatement | undefined;
  /** Called often; the worker makes records and `watch` of it. */
  progress(progress: Progress): void;
}

export interface Pace {
  /** Resolves when `messages` and `bytes` may pass. Rejects when the signal is aborted. */
  take(messages: number, bytes: number): Promise<void>;
  /** How long the host took for one answer: one that gets slow is asked for less, as if it had said so. */
  answered(answer: { readonly messages: number; readonly bytes: number; readonly tookMs: number }): void;
  /** The host said [THROTTLED], [UNAVAILABLE], OVERQUOTA: everybody slows down, then speeds up step by step. */
  backOff(reason: string): void;
}

export interface Progress {
  readonly messagesTotal: number;
  readonly messagesDone: number;
  readonly bytesTotal: number;
  readonly bytesDone: number;
  readonly folder: string;
}

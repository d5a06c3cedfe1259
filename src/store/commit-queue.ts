/**
 * Operations on their way to the committer. Batches form by themselves: while one is being committed, the next one
 * collects, and all of a batch share its two syncs. A promise resolves after the commit is on disk and views, headers
 * and feed show it.
 */
import { BoundedQueue } from "../base/bounded-queue.ts";
import type { Log } from "../base/log.ts";
import { StoreError } from "./errors.ts";
import type {
  BodySource,
  CommitReport,
  Operation,
  OperationKind,
  OperationMap,
  Outcome,
} from "./operations.ts";

const MAX_WAITING_OPERATIONS = 4096;
const MAX_WAITING_BYTES = 64 * 2 ** 20;
const MAX_BATCH_OPERATIONS = 512;
const MAX_BATCH_BYTES = 32 * 2 ** 20;
/** What an operation weighs without its bodies. */
const OPERATION_BYTES = 512;

/** The batch waited too long behind others; nothing of it was done. */
export class LateBatch extends Error {
  override readonly name = "LateBatch";
}

export interface CommitRunner {
  /** Inline: the batch is run when its turn comes, without waiting for the event loop. */
  readonly isInline: boolean;
  /** Batches it takes before the first of them is answered. */
  readonly maxSent: number;
  /** Rejects with LateBatch, or with anything else when the committer itself has failed. */
  run(operations: readonly Operation[]): Promise<CommitReport>;
  close(): Promise<void>;
}

export interface CommitQueueOptions {
  readonly runner: CommitRunner;
  /** Shows the report to readers; a promise when part of that needs the disk. */
  readonly onReport: (report: CommitReport) => Promise<void> | undefined;
  readonly onBatch?: (operations: number, startedMs: number) => void;
  /** The committer is gone: from now on every write is refused. */
  readonly onFailure?: (error: StoreError) => void;
  readonly nowMs: () => number;
  readonly log: Log | undefined;
}

interface Waiting {
  readonly operation: Operation;
  readonly bytes: number;
  /** Asked when its batch is made; what it throws is the refusal. */
  readonly mayCommit: (() => void) | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #queue = new BoundedQueue<Waiting>({
    maxItems: MAX_WAITING_OPERATIONS,
    maxWeight: MAX_WAITING_BYTES,
    weigh: (waiting) => waiting.bytes,
  });
  /** Callers that found the queue full, in order. Each is held here until there is room: the back-pressure. */
  readonly #outside: Waiting[] = [];
  /** Of late batches: they go first, and are asked again whether they may. */
  #returned: Waiting[] = [];
  /** Batches that the runner has not answered yet, and their bytes. */
  #sent = 0;
  #sentBytes = 0;
  /** Of the last commit that is being shown: those whose reports say `isRest` wait for it, too. */
  #shown: Promise<void> | undefined;
  #isScheduled = false;
  #failure: StoreError | undefined;
  #isClosing = false;
  #onDrained: (() => void) | undefined;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#queue.length + this.#outside.length + this.#returned.length;
  }

  /** @throws StoreError as the operation says; disk_failed when the committer has failed; shutting_down */
  run<K extends OperationKind>(
    kind: K,
    args: OperationMap[K]["args"],
    bodies: readonly BodySource[] = [],
    mayCommit?: () => void,
  ): Promise<OperationMap[K]["result"]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isClosing) return Promise.reject(new StoreError("shutting_down", "the store is closing"));
    return new Promise<unknown>((resolve, reject) => {
      const waiting = { operation: { kind, args, bodies }, bytes: weigh(bodies), mayCommit, resolve, reject };
      if (this.#outside.length > 0 || !this.#queue.offer(waiting)) this.#outside.push(waiting);
      this.#schedule();
    }) as Promise<OperationMap[K]["result"]>;
  }

  #schedule(): void {
    if (this.#sent >= this.#options.runner.maxSent || this.#isScheduled) return;
    this.#isScheduled = true;
    const start = () => {
      this.#isScheduled = false;
      this.#next();
    };
    // After the reads of this turn of the event loop: what other sessions ask in it goes into the same batch.
    if (this.#options.runner.isInline) queueMicrotask(start);
    else setImmediate(start);
  }

  #next(): void {
    if (this.#sent >= this.#options.runner.maxSent || this.#failure !== undefined) return;
    const batch = this.#takeBatch();
    if (batch.length > 0) void this.#commit(batch);
    // What is on its way comes back here when it is answered.
    else if (this.#sent > 0) return;
    // All may have been refused with more behind them.
    else if (this.waiting > 0) this.#schedule();
    else this.#onDrained?.();
  }

  #takeBatch(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = this.#sentBytes;
    while (batch.length < MAX_BATCH_OPERATIONS) {
      const isReturned = this.#returned.length > 0;
      const first = this.#returned[0] ?? this.#queue.peek();
      if (first === undefined || (bytes > 0 && bytes + first.bytes > MAX_BATCH_BYTES)) break;
      if (isReturned) this.#returned.shift();
      else this.#queue.poll();
      try {
        first.mayCommit?.();
      } catch (error) {
        first.reject(error);
        continue;
      }
      bytes += first.bytes;
      batch.push(first);
    }
    let admitted = 0;
    while (admitted < this.#outside.length && this.#queue.offer(this.#outside[admitted]!)) admitted++;
    this.#outside.splice(0, admitted);
    return batch;
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const startedMs = this.#options.nowMs();
    const bytes = batch.reduce((sum, waiting) => sum + waiting.bytes, 0);
    this.#sent++;
    this.#sentBytes += bytes;
    let report: CommitReport;
    try {
      report = await this.#options.runner.run(batch.map((waiting) => waiting.operation));
    } catch (error) {
      this.#sent--;
      this.#sentBytes -= bytes;
      if (error instanceof LateBatch && this.#failure === undefined) {
        this.#returned.push(...batch);
        this.#next();
      } else this.#fail(error, batch);
      return;
    }
    this.#sent--;
    this.#sentBytes -= bytes;
    // The committer gets on with the next batch while this thread shows the last one.
    this.#next();
    this.#options.onBatch?.(batch.length, startedMs);
    if (report.isRest !== true) this.#shown = this.#show(report);
    const shown = this.#shown;
    if (shown !== undefined) {
      await shown;
      if (this.#shown === shown) this.#shown = undefined;
    }
    this.#answer(batch, report);
  }

  /** Never rejects: the write is on disk all the same, and whoever asked for it must hear that. */
  #show(report: CommitReport): Promise<void> | undefined {
    const failed = (error: unknown): void => this.#options.log?.error("commit not shown", { err: error });
    try {
      return this.#options.onReport(report)?.catch(failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  }

  #answer(batch: readonly Waiting[], report: CommitReport): void {
    batch.forEach((waiting, i) => {
      const outcome = report.outcomes[i]!;
      if (outcome.ok) waiting.resolve(outcome.value);
      else waiting.reject(this.#refusal(waiting.operation.kind, outcome));
    });
  }

  #refusal(kind: OperationKind, outcome: Outcome & { ok: false }): Error {
    if (outcome.code !== undefined) return new StoreError(outcome.code, outcome.message);
    const error = new Error(outcome.message);
    error.stack = outcome.stack;
    this.#options.log?.error("operation failed", { kind, err: error });
    return error;
  }

  #fail(error: unknown, batch: readonly Waiting[]): void {
    if (this.#failure === undefined) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#failure = new StoreError("disk_failed", `the committer has failed: ${reason}`, { cause: error });
      this.#options.log?.error("committer failed", { err: error });
      this.#options.onFailure?.(this.#failure);
    }
    for (const waiting of [
      ...batch,
      ...this.#returned.splice(0),
      ...this.#queue.pollMany(MAX_WAITING_OPERATIONS),
      ...this.#outside.splice(0),
    ]) {
      waiting.reject(this.#failure);
    }
    this.#onDrained?.();
  }

  /** Commits what waits, takes nothing more. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#failure === undefined && (this.#sent > 0 || this.waiting > 0)) {
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
      });
    }
    await this.#options.runner.close();
  }
}

function weigh(bodies: readonly BodySource[]): number {
  let bytes = OPERATION_BYTES;
  for (const body of bodies) {
    if (body.kind === "bytes") bytes += body.bytes.length;
    else if (body.kind === "file") bytes += body.sizeBytes;
  }
  return bytes;
}

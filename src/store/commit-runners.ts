/** The committer in a worker thread, or in this one under simulation. */
import { Worker } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { threadsMs } from "../base/io/clock.ts";
import { LateBatch, type CommitRunner } from "./commit-queue.ts";
import type { Committer } from "./committer/committer.ts";
import type { ToCommitter } from "./committer/inbox.ts";
import type { CommitterWorkerData } from "./committer/worker.ts";
import type { BodySource, CommitReport, Operation } from "./operations.ts";

type FromCommitter =
  /** `counts` = operations of each batch that went into this commit, in the order they were sent. */
  | { readonly kind: "report"; readonly report: CommitReport; readonly counts: readonly number[] }
  /** They waited too long behind others and were not committed. */
  | { readonly kind: "late"; readonly batches: number }
  | { readonly kind: "ready" }
  | { readonly kind: "closed" };

export function runInline(
  committer: Pick<Committer, "run" | "close">,
  database: { close(): unknown },
): CommitRunner {
  return {
    isInline: true,
    maxSent: 1,
    run: async (operations) => Promise.resolve(committer.run(operations)),
    async close() {
      committer.close();
      database.close();
      await Promise.resolve();
    },
  };
}

/**
 * Batches on their way to the thread: when one is committed, the next is there already, and all that came meanwhile is
 * one commit.
 */
const MAX_SENT = 64;

interface Pending {
  readonly resolve: (report: CommitReport) => void;
  readonly reject: (error: unknown) => void;
}

export class CommitterThread implements CommitRunner {
  readonly isInline = false;
  readonly maxSent = MAX_SENT;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  /** Rejects when the committer cannot open the folder. */
  readonly ready: Promise<void>;
  readonly #pending: Pending[] = [];
  #failure: Error | undefined;

  constructor(folder: string, cacheBytes: number) {
    const workerData: CommitterWorkerData = { folder, cacheBytes };
    this.#worker = new Worker(new URL("./committer/worker.ts", import.meta.url), {
      workerData,
      name: "committer",
    });
    let opened = (): void => {};
    let failed = (_error: unknown): void => {};
    this.ready = new Promise((resolve, reject) => {
      opened = resolve;
      failed = reject;
    });
    this.#worker.on("message", (message: FromCommitter) => {
      if (message.kind === "ready") {
        // From now on an idle committer does not keep the process alive; a batch on its way does.
        this.#worker.unref();
        opened();
      }
      if (message.kind === "report") this.#answer(message.report, message.counts);
      if (message.kind === "late") this.#giveBack(message.batches);
    });
    this.#worker.on("error", (error) => {
      this.#fail(error);
      failed(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", (code) => {
        const error = new Error(`the committer thread ended with code ${code}`);
        this.#fail(error);
        failed(error);
        resolve();
      });
    });
  }

  run(operations: readonly Operation[]): Promise<CommitReport> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      this.#worker.ref();
      const packed = packBodies(operations);
      this.#send({ kind: "run", operations: packed.operations, sentMs: threadsMs() }, packed.transfer);
    });
  }

  #answer(report: CommitReport, counts: readonly number[]): void {
    let at = 0;
    for (const count of counts) {
      const pending = this.#pending.shift();
      assert(pending !== undefined, "the committer answers what it was sent");
      const outcomes = report.outcomes.slice(at, at + count);
      pending.resolve(
        at === 0
          ? { ...report, outcomes }
          : { ...report, outcomes, deltas: [], feed: [], seenChanged: [], isRest: true },
      );
      at += count;
    }
    if (this.#pending.length === 0) this.#worker.unref();
  }

  #giveBack(batches: number): void {
    for (const { reject } of this.#pending.splice(0, batches)) reject(new LateBatch());
    if (this.#pending.length === 0) this.#worker.unref();
  }

  #send(message: ToCommitter, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    for (const { reject } of this.#pending.splice(0)) reject(this.#failure);
  }

  async close(): Promise<void> {
    if (this.#failure === undefined) {
      this.#worker.ref();
      this.#send({ kind: "close" });
    }
    await this.#exited;
  }
}

/**
 * Copies all bodies of a batch into one buffer that is handed over. Cloning them one by one would copy the whole
 * buffer behind each of them, which may be a pool or a network block many times its size.
 */
export function packBodies(operations: readonly Operation[]): {
  readonly operations: readonly Operation[];
  readonly transfer: ArrayBuffer[];
} {
  let total = 0;
  for (const { bodies } of operations) {
    for (const body of bodies) {
      if (body.kind === "bytes") total += body.bytes.length + (body.known?.length ?? 0);
    }
  }
  if (total === 0) return { operations, transfer: [] };
  const buffer = new ArrayBuffer(total);
  const all = new Uint8Array(buffer);
  let at = 0;
  const take = (bytes: Uint8Array): Uint8Array => {
    all.set(bytes, at);
    at += bytes.length;
    return all.subarray(at - bytes.length, at);
  };
  const pack = (body: BodySource): BodySource => {
    if (body.kind !== "bytes") return body;
    const bytes = take(body.bytes);
    return body.known === undefined
      ? { kind: "bytes", bytes }
      : { kind: "bytes", bytes, known: take(body.known) };
  };
  return {
    operations: operations.map((operation) =>
      operation.bodies.length === 0 ? operation : { ...operation, bodies: operation.bodies.map(pack) },
    ),
    transfer: [buffer],
  };
}

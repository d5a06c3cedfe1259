/** The committer in a worker thread, or in this one under simulation. */
import { Worker } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import type { CommitRunner } from "./commit-queue.ts";
import type { Committer } from "./committer/committer.ts";
import type { ToCommitter } from "./committer/worker.ts";
import type { BodySource, CommitReport, Operation } from "./operations.ts";

type FromCommitter =
  | { readonly kind: "report"; readonly report: CommitReport }
  | { readonly kind: "ready" }
  | { readonly kind: "closed" };

export function runInline(
  committer: Pick<Committer, "run" | "close">,
  database: { close(): unknown },
): CommitRunner {
  return {
    isInline: true,
    run: async (operations) => Promise.resolve(committer.run(operations)),
    async close() {
      committer.close();
      database.close();
      await Promise.resolve();
    },
  };
}

export class CommitterThread implements CommitRunner {
  readonly isInline = false;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  /** Rejects when the committer cannot open the folder. */
  readonly ready: Promise<void>;
  #pending: { resolve: (report: CommitReport) => void; reject: (error: unknown) => void } | undefined;
  #failure: Error | undefined;

  constructor(folder: string) {
    this.#worker = new Worker(new URL("./committer/worker.ts", import.meta.url), {
      workerData: { folder },
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
      if (message.kind !== "report") return;
      const pending = this.#pending;
      this.#pending = undefined;
      this.#worker.unref();
      pending?.resolve(message.report);
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
    assert(this.#pending === undefined, "one batch at a time");
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#worker.ref();
      const packed = packBodies(operations);
      this.#send({ kind: "run", operations: packed.operations }, packed.transfer);
    });
  }

  #send(message: ToCommitter, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(this.#failure);
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
    for (const body of bodies) if (body.kind === "bytes") total += body.bytes.length;
  }
  if (total === 0) return { operations, transfer: [] };
  const buffer = new ArrayBuffer(total);
  const all = new Uint8Array(buffer);
  let at = 0;
  const pack = (body: BodySource): BodySource => {
    if (body.kind !== "bytes") return body;
    const { length } = body.bytes;
    all.set(body.bytes, at);
    at += length;
    return { kind: "bytes", bytes: all.subarray(at - length, at) };
  };
  return {
    operations: operations.map((operation) =>
      operation.bodies.length === 0 ? operation : { ...operation, bodies: operation.bodies.map(pack) },
    ),
    transfer: [buffer],
  };
}

/** The session thread's end of the index's worker. */
import { Worker } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import type { IndexAnswers, IndexReply, IndexRequest } from "./worker-protocol.ts";

interface Waiter {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class IndexWorker {
  readonly #worker: Worker;
  /** Oldest first; the worker answers in order. Bounded by the callers: each awaits its answers. */
  readonly #waiting: Waiter[] = [];
  #failure: Error | undefined;

  /** `path` of the index's SQLite file; ":memory:" for none. */
  constructor(path: string) {
    this.#worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: { path } });
    this.#worker.on("message", (reply: IndexReply) => {
      const waiter = this.#waiting.shift();
      assert(waiter !== undefined, "index worker answered without being asked");
      if (reply.error === undefined) waiter.resolve(reply.answer);
      else {
        const { message, code } = reply.error;
        waiter.reject(
          Object.assign(new Error(`search index: ${message}`), code === undefined ? {} : { code }),
        );
      }
    });
    this.#worker.on("error", (error) =>
      this.#fail(new Error("search index: worker failed", { cause: error })),
    );
    this.#worker.on("exit", () => this.#fail(new Error("search index: worker is closed")));
    // An idle index must not keep the process alive.
    this.#worker.unref();
  }

  ask<Op extends IndexRequest["op"]>(
    request: Extract<IndexRequest, { op: Op }>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<IndexAnswers[Op]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#worker.ref();
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request, transfer);
    }).finally(() => {
      if (this.#waiting.length === 0) this.#worker.unref();
    }) as Promise<IndexAnswers[Op]>;
  }

  async close(): Promise<void> {
    await this.ask({ op: "close" });
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#failure);
  }
}

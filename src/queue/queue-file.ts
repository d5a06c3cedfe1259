/**
 * `queue.sqlite` as the session thread has it: reads at once, changes through a thread of its own that is started with
 * the first one. Durable when a change resolves.
 */
import { Worker } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import type { QueueDatabase } from "./queue-database.ts";
import { QUEUE_CHANGES, type QueueChange, type QueueReply, type QueueWriter } from "./queue-writer.ts";

interface Waiter {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class QueueFile {
  readonly database: QueueDatabase;
  readonly writer: QueueWriter;
  readonly #folder: string;
  /** Oldest first; the thread answers in order. Bounded by the callers: each awaits its answer. */
  readonly #waiting: Waiter[] = [];
  #worker: Worker | undefined;
  #failure: Error | undefined;
  #closing = false;
  #count: number;

  /** @param database an open one of `folder`; only read from now on, closed by `close` */
  constructor(folder: string, database: QueueDatabase) {
    this.#folder = folder;
    this.database = database;
    this.#count = database.count;
    const ask =
      (change: QueueChange) =>
      (...parameters: unknown[]) =>
        this.#ask(change, parameters);
    const changes = Object.fromEntries(QUEUE_CHANGES.map((change) => [change, ask(change)]));
    const count = (): number => this.#count;
    this.writer = Object.defineProperty(changes, "count", { get: count }) as unknown as QueueWriter;
  }

  /** When all that was asked for is on disk. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker !== undefined && this.#failure === undefined) {
      const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
      // Until it has ended, whatever answers come before: else the process may end here, with code 13.
      this.#closing = true;
      worker.ref();
      worker.postMessage("close", []);
      await exited;
    }
    this.#failure ??= new Error("the outbound queue is closed");
    this.database.close();
  }

  #ask(change: QueueChange, parameters: readonly unknown[]): Promise<unknown> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      worker.postMessage({ change, parameters }, []);
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL("queue-thread.ts", import.meta.url), {
      workerData: { folder: this.#folder },
    });
    worker.on("message", (reply: QueueReply) => this.#answered(worker, reply));
    worker.on("error", (error) => this.#fail(new Error("outbound queue: thread failed", { cause: error })));
    worker.on("exit", () => this.#fail(new Error("outbound queue: thread ended")));
    // An idle queue must not keep the process alive.
    worker.unref();
    return worker;
  }

  #answered(worker: Worker, { answer, error, count }: QueueReply): void {
    const waiter = this.#waiting.shift();
    assert(waiter !== undefined, "queue thread answered without being asked");
    this.#count = count;
    if (this.#waiting.length === 0 && !this.#closing) worker.unref();
    if (error === undefined) waiter.resolve(answer);
    else waiter.reject(new Error(`outbound queue: ${error}`));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#failure);
  }
}

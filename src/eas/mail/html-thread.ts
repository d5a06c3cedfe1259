/** One thread that converts HTML, one job at a time; a job that takes too long ends the thread, and the next begins another. */
import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../../base/io/clock.ts";
import { assert } from "../../base/assert.ts";
import type { HtmlAnswer, HtmlJob } from "./html-worker.ts";

/** Of one conversion. */
const MAX_CONVERSION_MS = 5_000;
const MAX_HEAP_MIB = 512;

/** Undefined = it failed, took too long, or was closed. */
type Settle = (result: string | undefined) => void;

export class HtmlThread {
  readonly #clock: Clock;
  #worker: Worker | undefined;
  #timer: Timer | undefined;
  #settle: Settle | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isBusy(): boolean {
    return this.#settle !== undefined;
  }

  run(job: HtmlJob): Promise<string | undefined> {
    assert(!this.isBusy, "an HTML thread was given two jobs");
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#settle = resolve;
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#timer = this.#clock.setTimer(MAX_CONVERSION_MS, () => this.#abandon());
    this.#worker.postMessage(job, []);
    return promise;
  }

  /** What is under way is given up. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#end(undefined);
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL("html-worker.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    });
    worker.on("message", (answer: HtmlAnswer) => {
      if (worker !== this.#worker) return;
      // Nothing to do must not keep the process alive.
      worker.unref();
      this.#end("result" in answer ? answer.result : undefined);
    });
    const gone = (): void => {
      if (worker === this.#worker) this.#abandon();
    };
    worker.on("error", gone);
    worker.on("exit", gone);
    return worker;
  }

  #abandon(): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
    this.#end(undefined);
  }

  #end(result: string | undefined): void {
    this.#timer?.cancel();
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(result);
  }
}

/**
 * HTML to text and to harmless HTML, in a thread of its own with a bound on the time of each conversion; results are kept
 * by the content of the message. What takes too long, or more than may wait, gets the plain form of our own converter,
 * which is linear in its input whatever it holds.
 */
import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../../base/io/clock.ts";
import { Lru } from "../../base/lru.ts";
import { htmlToText } from "../../mime/html-text.ts";
import type { HtmlAnswer, HtmlJob } from "./html-worker.ts";
import { textToHtml } from "./plain-text.ts";

/** One conversion; after it the thread is ended and a new one begun. */
const MAX_CONVERSION_MS = 5_000;
/** Conversions that wait for the thread. */
const MAX_WAITING = 2_000;
/** Characters of HTML that are converted; what lies behind is cut. */
const MAX_HTML_CHARACTERS = 4 * 1024 * 1024;
const MAX_KEPT = 10_000;
const MAX_KEPT_CHARACTERS = 16 * 1024 * 1024;

interface Waiter {
  readonly job: HtmlJob;
  readonly resolve: (result: string) => void;
}

export class HtmlConverter {
  readonly #clock: Clock;
  readonly #kept = new Lru<string, string>({
    maxEntries: MAX_KEPT,
    maxSize: MAX_KEPT_CHARACTERS,
    sizeOf: (result) => result.length,
  });
  readonly #waiting: Waiter[] = [];
  #running: Waiter | undefined;
  #worker: Worker | undefined;
  #timer: Timer | undefined;
  /** Conversions that our own converter had to do. */
  fallbacks = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `key` stands for the HTML: the same key gives the same result without a conversion; "" = not kept. */
  toText(html: string, key: string): Promise<string> {
    return this.#convert({ kind: "text", html }, key);
  }

  /** Without scripts, frames, forms and handlers. */
  clean(html: string, key: string): Promise<string> {
    return this.#convert({ kind: "clean", html }, key);
  }

  async close(): Promise<void> {
    for (const waiter of this.#waiting.splice(0)) this.#fallBack(waiter);
    this.#timer?.cancel();
    const worker = this.#worker;
    this.#worker = undefined;
    if (this.#running !== undefined) this.#fallBack(this.#running);
    this.#running = undefined;
    await worker?.terminate();
  }

  async #convert(job: HtmlJob, key: string): Promise<string> {
    const kept = key === "" ? undefined : this.#kept.get(`${job.kind}:${key}`);
    if (kept !== undefined) return kept;
    const html = job.html.length > MAX_HTML_CHARACTERS ? job.html.slice(0, MAX_HTML_CHARACTERS) : job.html;
    const result = await new Promise<string>((resolve) => {
      const waiter: Waiter = { job: { kind: job.kind, html }, resolve };
      if (this.#waiting.length >= MAX_WAITING) this.#fallBack(waiter);
      else {
        this.#waiting.push(waiter);
        this.#next();
      }
    });
    if (key !== "") this.#kept.set(`${job.kind}:${key}`, result);
    return result;
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const waiter = this.#waiting.shift();
    if (waiter === undefined) {
      // Nothing to do must not keep the process alive.
      this.#worker?.unref();
      return;
    }
    this.#running = waiter;
    this.#worker ??= this.#startWorker();
    this.#worker.ref();
    this.#timer = this.#clock.setTimer(MAX_CONVERSION_MS, () => this.#giveUp());
    this.#worker.postMessage(waiter.job, []);
  }

  #startWorker(): Worker {
    const worker = new Worker(new URL("html-worker.ts", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    worker.on("message", (answer: HtmlAnswer) => {
      if (worker !== this.#worker) return;
      this.#timer?.cancel();
      const done = this.#running;
      this.#running = undefined;
      if (done !== undefined) {
        if ("result" in answer) done.resolve(answer.result);
        else this.#fallBack(done);
      }
      this.#next();
    });
    const gone = (): void => {
      if (worker === this.#worker) this.#giveUp();
    };
    worker.on("error", gone);
    worker.on("exit", gone);
    return worker;
  }

  #giveUp(): void {
    this.#timer?.cancel();
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
    const stuck = this.#running;
    this.#running = undefined;
    if (stuck !== undefined) this.#fallBack(stuck);
    this.#next();
  }

  #fallBack({ job, resolve }: Waiter): void {
    this.fallbacks += 1;
    const text = htmlToText(job.html);
    resolve(job.kind === "text" ? text : textToHtml(text));
  }
}

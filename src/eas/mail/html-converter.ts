/**
 * HTML to text and to harmless HTML, in threads of their own with a bound on the time of each conversion; results are kept
 * by the content of the message. What takes too long, or more than may wait, gets the plain form of our own converter,
 * which is linear in its input whatever it holds.
 */
import type { Clock } from "../../base/io/clock.ts";
import { Lru } from "../../base/lru.ts";
import { htmlToText } from "../../mime/html-text.ts";
import { HtmlThread } from "./html-thread.ts";
import type { HtmlJob } from "./html-worker.ts";
import { textToHtml } from "./plain-text.ts";

/** The second one begins when the first is busy: one slow message does not hold up the others. */
const MAX_THREADS = 2;
/** Conversions that wait for a thread. */
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
  readonly #kept = new Lru<string, string>({
    maxEntries: MAX_KEPT,
    maxSize: MAX_KEPT_CHARACTERS,
    sizeOf: (result) => result.length,
  });
  readonly #waiting: Waiter[] = [];
  readonly #threads: readonly HtmlThread[];
  /** Conversions that our own converter had to do. */
  fallbacks = 0;

  constructor(clock: Clock) {
    this.#threads = Array.from({ length: MAX_THREADS }, () => new HtmlThread(clock));
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
    await Promise.all(this.#threads.map((thread) => thread.close()));
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
    const free = this.#threads.find(({ isBusy }) => !isBusy);
    const waiter = free === undefined ? undefined : this.#waiting.shift();
    if (free !== undefined && waiter !== undefined) void this.#run(free, waiter);
  }

  async #run(thread: HtmlThread, waiter: Waiter): Promise<void> {
    const result = await thread.run(waiter.job);
    if (result === undefined) this.#fallBack(waiter);
    else waiter.resolve(result);
    this.#next();
  }

  #fallBack({ job, resolve }: Waiter): void {
    this.fallbacks += 1;
    const text = htmlToText(job.html);
    resolve(job.kind === "text" ? text : textToHtml(text));
  }
}

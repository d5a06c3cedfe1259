/**
 * Turns of the session thread, shared by all sessions of a server. Long answers of many sessions at once would each
 * take a slice in the same turn of the event loop; so there is one slice for all of them, and who wants more waits in
 * one line. What has just come in runs at once: short commands never wait behind long ones.
 */
import type { Clock } from "../base/io/clock.ts";

/** The longest stretch of work in a turn of the event loop before everybody else gets one. */
const SLICE_MS = 4;

export class SharedTurns {
  readonly #clock: Clock;
  /** Since when this turn of the event loop works; undefined between turns. */
  #startedMs: number | undefined;
  #isScheduled = false;
  /** Each session stands here at most once: the number of connections bounds it. */
  #waiting: (() => void)[] = [];
  #first = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whoever asks is at work: with the first question a turn begins. */
  get isOver(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (this.#startedMs !== undefined) return nowMs - this.#startedMs > SLICE_MS;
    this.#startedMs = nowMs;
    this.#schedule();
    return false;
  }

  /** Goes on in a later turn, behind all that wait already. */
  later(goOn: () => void): void {
    this.#waiting.push(goOn);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#startedMs = undefined;
      this.#next();
    });
  }

  #next(): void {
    const goOn = this.#waiting[this.#first];
    if (goOn === undefined) return;
    if (this.isOver) {
      this.#schedule();
      return;
    }
    this.#first++;
    if (this.#first === this.#waiting.length) {
      this.#waiting = [];
      this.#first = 0;
    }
    goOn();
    // It works in promise jobs: the next one starts when these are done, in this turn if there is time left.
    queueMicrotask(() => process.nextTick(() => this.#next()));
  }
}

import type { Clock, Timer } from "../../src/base/io/clock.ts";

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that moves only when the test moves it. Timers fire in the order of their times, then of their setting. */
export class SimClock implements Clock {
  #elapsedMs = 0;
  #nextOrder = 0;
  readonly #startMs: number;
  readonly #pending = new Set<Pending>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    this.#nextOrder += 1;
    const pending = { atMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#nextOrder, fire };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  advance(ms: number): void {
    const untilMs = this.#elapsedMs + ms;
    for (;;) {
      let next: Pending | undefined;
      for (const pending of this.#pending) {
        if (pending.atMs > untilMs) continue;
        const sooner = next === undefined || pending.atMs < next.atMs;
        if (sooner || (pending.atMs === next?.atMs && pending.order < next.order)) next = pending;
      }
      if (next === undefined) break;
      this.#pending.delete(next);
      this.#elapsedMs = next.atMs;
      next.fire();
    }
    this.#elapsedMs = untilMs;
  }
}

/** Ends sessions that are silent for too long (RFC 9051 §5.4): one timer that looks at the clock when it fires, not one a command. */
import type { Clock, Timer } from "../base/io/clock.ts";

export class Autologout {
  readonly #clock: Clock;
  readonly #isBusy: () => boolean;
  readonly #expired: () => void;
  #lastInputMs: number;
  #timer: Timer | undefined;

  /** A busy session, one that works for its client, is not silent. */
  constructor(clock: Clock, isBusy: () => boolean, expired: () => void) {
    this.#clock = clock;
    this.#isBusy = isBusy;
    this.#expired = expired;
    this.#lastInputMs = clock.monotonicMs();
  }

  noteInput(): void {
    this.#lastInputMs = this.#clock.monotonicMs();
  }

  /** 0 = never. */
  arm(limitMs: number): void {
    this.cancel();
    if (limitMs === 0) return;
    const idleMs = this.#clock.monotonicMs() - this.#lastInputMs;
    this.#timer = this.#clock.setTimer(Math.max(limitMs - idleMs, 1), () => {
      if (this.#isBusy()) this.noteInput();
      if (this.#clock.monotonicMs() - this.#lastInputMs >= limitMs) this.#expired();
      else this.arm(limitMs);
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

import type { Clock, Timer } from "../base/io/clock.ts";

/** Where nothing limits the silence now, it is asked this often whether something does. */
const ASK_AGAIN_MS = 60_000;
const MIN_WAIT_MS = 1_000;

export interface SilenceRules {
  /** How long the peer may be silent at this moment; 0 = for ever. */
  readonly limitMs: () => number;
  /** While the session works it is not the peer who is waited for. */
  readonly isBusy: () => boolean;
  /** Called once: the peer said nothing for too long. */
  readonly onSilent: () => void;
}

/** Finds peers that say nothing. One timer that looks now and then, instead of one set anew for each line. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #rules: SilenceRules;
  #lastHeardMs: number;
  #timer: Timer | undefined;

  constructor(clock: Clock, rules: SilenceRules) {
    this.#clock = clock;
    this.#rules = rules;
    this.#lastHeardMs = clock.monotonicMs();
    this.#wait();
  }

  heard(): void {
    this.#lastHeardMs = this.#clock.monotonicMs();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(): void {
    const limitMs = this.#rules.limitMs();
    const waitMs = limitMs === 0 ? ASK_AGAIN_MS : Math.max(limitMs - this.#silentMs(), MIN_WAIT_MS);
    this.#timer = this.#clock.setTimer(waitMs, () => this.#look());
  }

  #look(): void {
    const { limitMs, isBusy, onSilent } = this.#rules;
    const nowLimitMs = limitMs();
    if (nowLimitMs > 0 && this.#silentMs() >= nowLimitMs && !isBusy()) onSilent();
    else this.#wait();
  }

  #silentMs(): number {
    return this.#clock.monotonicMs() - this.#lastHeardMs;
  }
}

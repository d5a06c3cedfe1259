/** Who waits for a channel to pass some point of the feed, and for how long. */
import type { Clock, Timer } from "../../base/io/clock.ts";
import type { UserId } from "../../store/model.ts";

interface Waiting {
  readonly user: UserId;
  readonly sequence: number;
  readonly timer: Timer;
  readonly resolve: () => void;
}

export class Confirmations {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onGivenUp: () => void;
  readonly #waiting = new Set<Waiting>();
  #isGivenUp = false;

  /** `onGivenUp` is called once each time the replica was too slow. */
  constructor(clock: Clock, timeoutMs: number, onGivenUp: () => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onGivenUp = onGivenUp;
  }

  /** Nobody waits until the replica has caught up. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  wait(user: UserId, sequence: number): Promise<void> {
    if (this.#isGivenUp) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(this.#timeoutMs, () => this.#giveUp());
      this.#waiting.add({ user, sequence, timer, resolve });
    });
  }

  /** The replica has everything up to `sequence`, but for what is stuck. */
  passed(sequence: number, isStuck: (user: UserId) => boolean): void {
    for (const waiting of this.#waiting) {
      if (waiting.sequence <= sequence && !isStuck(waiting.user)) this.#end(waiting);
    }
  }

  /** The replica has everything. */
  caughtUp(): void {
    this.#isGivenUp = false;
  }

  letGo(): void {
    for (const waiting of this.#waiting) this.#end(waiting);
  }

  #giveUp(): void {
    if (!this.#isGivenUp) this.#onGivenUp();
    this.#isGivenUp = true;
    this.letGo();
  }

  #end(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    waiting.timer.cancel();
    waiting.resolve();
  }
}

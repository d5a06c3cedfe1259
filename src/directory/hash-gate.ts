import { BoundedQueue } from "../base/bounded-queue.ts";
import { AuthError } from "./port.ts";

/** Logins that may wait for a turn to hash; the next one is told to come back. */
const MAX_WAITING_HASHES = 1000;

/** Lets only so many password hashes run at a time: each takes a core, megabytes, and a thread of the pool. */
export class HashGate {
  readonly #concurrency: number;
  readonly #waiting = new BoundedQueue<() => void>({ maxItems: MAX_WAITING_HASHES });
  #running = 0;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** @throws AuthError unavailable when too many wait already */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#concurrency) {
      // The turn is handed over by whoever leaves, so `#running` does not change.
      await new Promise<void>((resolve, reject) => {
        if (!this.#waiting.offer(resolve)) reject(new AuthError("unavailable", "too many logins at a time"));
      });
    } else {
      this.#running++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.poll();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

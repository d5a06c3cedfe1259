/** What a host gives out over all workers, and what it has given out in its best minutes lately. */
import type { HostState } from "./host-row.ts";

/** Each time it is looked at, once a second: half of it is forgotten in ten minutes. */
const KEPT = 0.999;
const FALLEN = 0.5;

type Rates = Pick<HostState, "rateMessages" | "rateBytes">;

export class BestRates {
  #messages = 0;
  #bytes = 0;

  add({ rateMessages, rateBytes }: Rates): void {
    this.#messages = Math.max(rateMessages, this.#messages * KEPT);
    this.#bytes = Math.max(rateBytes, this.#bytes * KEPT);
  }

  /** Both: larger messages are fewer, smaller ones fewer bytes. */
  haveFallen(now: Rates | undefined): boolean {
    if (now === undefined) return false;
    return now.rateMessages < this.#messages * FALLEN && now.rateBytes < this.#bytes * FALLEN;
  }
}

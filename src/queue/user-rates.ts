import { Lru } from "../base/lru.ts";

export const RATE_PERIOD_MS = 3_600_000;
const MAX_USERS = 100_000;

export interface UserRate {
  readonly startedAtMs: number;
  readonly count: number;
}

/** How many messages users sent in the hour that runs. Kept with each mail, so that a restart forgets nothing. */
export class UserRates {
  readonly #limit: number;
  readonly #stored: (userId: string) => UserRate | undefined;
  readonly #rates = new Lru<string, UserRate>({ maxEntries: MAX_USERS });

  /** @param stored what the last run, or one before this user left memory, has kept */
  constructor(limit: number, stored: (userId: string) => UserRate | undefined) {
    this.#limit = limit;
    this.#stored = stored;
  }

  /** The rate with one message more, to be kept with it; undefined when the user has had enough. */
  take(userId: string, nowMs: number): UserRate | undefined {
    const last = this.#rates.get(userId) ?? this.#stored(userId);
    const isOver = last === undefined || nowMs - last.startedAtMs >= RATE_PERIOD_MS;
    const { startedAtMs, count } = isOver ? { startedAtMs: nowMs, count: 0 } : last;
    if (count >= this.#limit) return undefined;
    const rate = { startedAtMs, count: count + 1 };
    this.#rates.set(userId, rate);
    return rate;
  }
}

import { Lru } from "../base/lru.ts";

const HOUR_MS = 3_600_000;
const MAX_USERS = 100_000;

/** How many messages users sent in the hour that runs. In memory: a restart starts a new hour. */
export class UserRates {
  readonly #limit: number;
  readonly #counts = new Lru<string, { readonly startedAtMs: number; count: number }>({
    maxEntries: MAX_USERS,
  });

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False when the user has had enough. */
  take(userId: string, nowMs: number): boolean {
    let entry = this.#counts.get(userId);
    if (entry === undefined || nowMs - entry.startedAtMs >= HOUR_MS) {
      entry = { startedAtMs: nowMs, count: 0 };
      this.#counts.set(userId, entry);
    }
    if (entry.count >= this.#limit) return false;
    entry.count += 1;
    return true;
  }
}

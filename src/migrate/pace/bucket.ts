/** What one process may take of a host's messages or bytes: slices reserved in the database ahead of their use. */
import type { HostRow } from "./host-row.ts";

/** A slice lasts this long at the full rate: the database is asked twice a second, however many messages move. */
const SLICE_MS = 500;

export class Bucket {
  readonly #row: HostRow;
  readonly #kind: "message" | "byte";
  /** Reserved and not used. */
  #left = 0;

  constructor(row: HostRow, kind: "message" | "byte") {
    this.#row = row;
    this.#kind = kind;
  }

  /** The time from which on `amount` may move; now or earlier when it lies in the slice. @throws SqlError */
  async take(amount: number, perSecond: number): Promise<number> {
    if (!Number.isFinite(perSecond)) {
      this.#left = 0;
      return 0;
    }
    if (amount <= this.#left) {
      this.#left -= amount;
      return 0;
    }
    const missing = amount - this.#left;
    const slice = Math.max(missing, (perSecond * SLICE_MS) / 1000);
    this.#left = slice - missing;
    return await this.#row.reserve(this.#kind, (slice / perSecond) * 1000);
  }
}

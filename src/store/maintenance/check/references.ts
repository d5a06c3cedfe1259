/** How often each body is referred to: by the index's own count, and as counted from the records. */
import type { ReadIndex } from "../../read-index.ts";

/** Ids counted at a time: 8 bytes each. */
export const MAX_BODY_IDS = 2 ** 28;

export class References {
  /** Table's count + 1; 0 = there is no such body. */
  readonly #table: Int32Array;
  readonly #counted: Int32Array;
  readonly highestId: number;

  constructor(index: ReadIndex) {
    const highest = index.sql("SELECT max(id) FROM bodies").pluck().get() as number | null;
    this.highestId = Math.min(highest ?? 0, MAX_BODY_IDS);
    this.#table = new Int32Array(this.highestId + 1);
    this.#counted = new Int32Array(this.highestId + 1);
    const page = index.sql("SELECT id, refs FROM bodies WHERE id > ? ORDER BY id LIMIT 10000");
    for (let after = 0; ;) {
      const rows = page.all(after) as { id: number; refs: number }[];
      for (const { id, refs } of rows) if (id <= this.highestId) this.#table[id] = refs + 1;
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }

  has(body: number): boolean {
    return body > this.highestId || this.#table[body]! > 0;
  }

  count(body: number): void {
    if (body <= this.highestId) this.#counted[body]!++;
  }

  /** Bodies whose two counts differ, or that nobody refers to. */
  *wrong(): Generator<{ body: number; counted: number; inTable: number }> {
    for (let body = 1; body <= this.highestId; body++) {
      const inTable = this.#table[body]! - 1;
      if (inTable < 0) continue;
      const counted = this.#counted[body]!;
      if (counted !== inTable || counted === 0) yield { body, counted, inTable };
    }
  }
}

/** Expunged UIDs of a mailbox and when they went: 12 bytes each, in no order. */
import type { Uid } from "../base/numbers.ts";

export class TombstoneColumns {
  #count = 0;
  #uids = new Uint32Array(0);
  #modseqs = new Float64Array(0);

  get sizeBytes(): number {
    return 12 * this.#uids.length;
  }

  add(uid: number, modseq: number): void {
    if (this.#count === this.#uids.length) {
      const capacity = Math.max(16, Math.ceil(this.#count * 1.5));
      const uids = new Uint32Array(capacity);
      const modseqs = new Float64Array(capacity);
      uids.set(this.#uids);
      modseqs.set(this.#modseqs);
      this.#uids = uids;
      this.#modseqs = modseqs;
    }
    this.#uids[this.#count] = uid;
    this.#modseqs[this.#count++] = modseq;
  }

  /** Ascending. */
  since(modseq: number): Uid[] {
    const found: number[] = [];
    for (let i = 0; i < this.#count; i++) if (this.#modseqs[i]! > modseq) found.push(this.#uids[i]!);
    return Array.from(Uint32Array.from(found).sort()) as Uid[];
  }
}

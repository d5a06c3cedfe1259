/** Expunged UIDs of a mailbox and when they went: 12 bytes each, in no order. */
import type { Uid } from "../base/numbers.ts";
import { toUids } from "./writes.ts";

export class TombstoneColumns {
  #count = 0;
  #uids = new Uint32Array(0);
  #modseqs = new Float64Array(0);

  get sizeBytes(): number {
    return 12 * this.#uids.length;
  }

  #reserve(count: number): void {
    if (count <= this.#uids.length) return;
    const capacity = Math.max(16, count, Math.ceil(this.#count * 1.5));
    const uids = new Uint32Array(capacity);
    const modseqs = new Float64Array(capacity);
    uids.set(this.#uids);
    modseqs.set(this.#modseqs);
    this.#uids = uids;
    this.#modseqs = modseqs;
  }

  addAll(uids: Uint32Array, modseqs: Float64Array): void {
    this.#reserve(this.#count + uids.length);
    this.#uids.set(uids, this.#count);
    this.#modseqs.set(modseqs, this.#count);
    this.#count += uids.length;
  }

  add(uid: number, modseq: number): void {
    this.#reserve(this.#count + 1);
    this.#uids[this.#count] = uid;
    this.#modseqs[this.#count++] = modseq;
  }

  /** Ascending. */
  since(modseq: number): Uid[] {
    const found: number[] = [];
    let ascending = true;
    for (let i = 0; i < this.#count; i++) {
      if (this.#modseqs[i]! <= modseq) continue;
      const uid = this.#uids[i]!;
      if (found.length > 0 && uid < found[found.length - 1]!) ascending = false;
      found.push(uid);
    }
    // Typed arrays sort numbers five times as fast; those of one EXPUNGE are in order.
    return ascending ? (found as Uid[]) : toUids(new Uint32Array(found).sort());
  }
}

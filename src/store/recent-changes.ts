/** The last changes of a mailbox, so that "changed since" of a session that was here a moment ago costs little. */
const CAPACITY = 4096;
const MIN_CAPACITY = 64;

export class RecentChanges {
  // A ring in order of modseq that doubles up to CAPACITY: quiet mailboxes stay small.
  #uids = new Uint32Array(MIN_CAPACITY);
  #modseqs = new Float64Array(MIN_CAPACITY);
  #start = 0;
  #count = 0;
  /** Everything above this modseq is in the ring. */
  #floor: number;

  constructor(floor: number) {
    this.#floor = floor;
  }

  /** More changes at once than it can hold: call `forget` instead. */
  static readonly capacity = CAPACITY;

  get floor(): number {
    return this.#floor;
  }

  add(uids: Uint32Array, modseqs: Float64Array, highestModseq: number): void {
    for (let i = 0; i < uids.length; i++) {
      const modseq = modseqs[i]!;
      const last = this.#count === 0 ? this.#floor : this.#modseqs[this.#at(this.#count - 1)]!;
      // Replication may bring modseqs in any order: the ring begins anew after them.
      if (modseq < last || (this.#count === 0 && modseq <= last)) {
        this.forget(Math.max(highestModseq, last));
        return;
      }
      if (this.#count === this.#uids.length) this.#makeRoom();
      const at = this.#at(this.#count++);
      this.#uids[at] = uids[i]!;
      this.#modseqs[at] = modseq;
    }
  }

  #at(position: number): number {
    return (this.#start + position) % this.#uids.length;
  }

  #makeRoom(): void {
    const { length } = this.#uids;
    if (length < CAPACITY) {
      const uids = new Uint32Array(2 * length);
      const modseqs = new Float64Array(2 * length);
      for (let i = 0; i < this.#count; i++) {
        uids[i] = this.#uids[this.#at(i)]!;
        modseqs[i] = this.#modseqs[this.#at(i)]!;
      }
      this.#uids = uids;
      this.#modseqs = modseqs;
      this.#start = 0;
      return;
    }
    this.#floor = this.#modseqs[this.#start]!;
    this.#start = (this.#start + 1) % length;
    this.#count--;
  }

  /** Begins anew: nothing at or below `floor` is known. */
  forget(floor: number): void {
    this.#floor = Math.max(floor, this.#floor);
    this.#count = 0;
    this.#start = 0;
  }

  /** UIDs of changes above `modseq`, in order of change, perhaps several times; undefined = longer ago than known. */
  since(modseq: number): number[] | undefined {
    if (modseq < this.#floor) return undefined;
    const uids: number[] = [];
    for (let i = this.#count - 1; i >= 0; i--) {
      const at = this.#at(i);
      if (this.#modseqs[at]! <= modseq) break;
      uids.push(this.#uids[at]!);
    }
    return uids;
  }
}

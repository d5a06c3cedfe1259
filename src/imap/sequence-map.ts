/**
 * UIDs of the messages as a client counts them: position 0 is sequence number 1 (RFC 9051 §2.3.1.2). It is the view's own
 * array as long as both say the same, so that a session that has nothing to be told costs no memory of its own.
 */
import type { MailboxView } from "../store/port.ts";
import { STAR } from "./codec/reader.ts";
import { bad } from "./refusal.ts";

export class SequenceMap {
  #uids: Uint32Array;
  #count: number;

  constructor(view: MailboxView) {
    this.#uids = view.shareUids();
    this.#count = view.count;
  }

  get count(): number {
    return this.#count;
  }

  get lastUid(): number {
    return this.#count === 0 ? 0 : this.#uids[this.#count - 1]!;
  }

  uidAt(position: number): number {
    return this.#uids[position]!;
  }

  /** New messages of the view go to the end; those that are gone keep their places. */
  append(view: MailboxView): void {
    const from = view.lowerBound(this.lastUid + 1);
    if (from === this.#count && this.#isStartOf(view.uids)) {
      this.#uids = view.shareUids();
      this.#count = view.count;
      return;
    }
    const fresh = view.uids.subarray(from, view.count);
    const grown = new Uint32Array(this.#count + fresh.length);
    grown.set(this.#uids.subarray(0, this.#count));
    grown.set(fresh, this.#count);
    this.#uids = grown;
    this.#count = grown.length;
  }

  /** The view has exactly the known messages, and newer ones. */
  isStillIn(view: MailboxView): boolean {
    return view.lowerBound(this.lastUid + 1) === this.#count && this.#isStartOf(view.uids);
  }

  /** Positions of what the client knows and the view does not hold any more; they ascend. */
  missingIn(view: MailboxView): number[] {
    const missing: number[] = [];
    const [mine, count, others, othersCount] = [this.#uids, this.#count, view.uids, view.count];
    for (let position = 0, at = 0; position < count; position++) {
      const uid = mine[position]!;
      while (at < othersCount && others[at]! < uid) at++;
      if (at === othersCount || others[at] !== uid) missing.push(position);
    }
    return missing;
  }

  /** Closes the gaps at these positions, which ascend. */
  remove(positions: readonly number[], view: MailboxView): void {
    if (positions.length === 0) return;
    const known = view.lowerBound(this.lastUid + 1);
    const kept = new Uint32Array(this.#count - positions.length);
    for (let from = 0, at = 0, i = 0; from < this.#count; from++) {
      if (positions[i] === from) i++;
      else kept[at++] = this.#uids[from]!;
    }
    this.#uids = kept;
    this.#count = kept.length;
    if (known === kept.length && this.#isStartOf(view.uids)) this.#uids = view.shareUids();
  }

  #isStartOf(uids: Uint32Array): boolean {
    const mine = this.#uids;
    if (mine.buffer === uids.buffer) return true;
    return bytesOf(mine, this.#count).equals(bytesOf(uids, this.#count));
  }

  clear(): void {
    this.#uids = NOTHING;
    this.#count = 0;
  }

  /** Position of a UID; -1 when the client does not know it. */
  indexOf(uid: number): number {
    const at = this.lowerBound(uid);
    return at < this.#count && this.#uids[at] === uid ? at : -1;
  }

  lowerBound(uid: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#uids[middle]! < uid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Positions of a range of sequence numbers, half open. @throws ImapRefusal BAD */
  span(first: number, last: number): [number, number] {
    // "1:*" in an empty mailbox: sent by many clients, means nothing.
    if (last === STAR && this.#count === 0) return [0, 0];
    const low = first === STAR ? this.#count : first;
    const high = last === STAR ? this.#count : last;
    const from = Math.min(low, high);
    const to = Math.max(low, high);
    if (from < 1 || to > this.#count) throw bad("No message with that number");
    return [from - 1, to];
  }

  /** `n:*` holds the last message even when n is above it (RFC 9051 §9 seq-range). */
  uidSpan(first: number, last: number): [number, number] {
    const low = first === STAR ? this.lastUid : first;
    const high = last === STAR ? this.lastUid : last;
    return [this.lowerBound(Math.min(low, high)), this.lowerBound(Math.max(low, high) + 1)];
  }
}

const NOTHING = new Uint32Array(0);

function bytesOf({ buffer, byteOffset }: Uint32Array, count: number): Buffer {
  return Buffer.from(buffer, byteOffset, 4 * count);
}

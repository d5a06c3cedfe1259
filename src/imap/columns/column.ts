/**
 * One value a message out of its summary, packed and kept for the whole mailbox. Messages never change, so a column
 * only grows; what was expunged stays in it until there is more of that than of the rest.
 */
import type { MessageSummary } from "../../mime/summary.ts";
import type { MailboxView } from "../../store/port.ts";
import { STEP_ITEMS, type Steps } from "../turns.ts";
import { uint32List } from "./numbers.ts";

export abstract class Column {
  readonly #uids = uint32List();

  get count(): number {
    return this.#uids.length;
  }

  get lastUid(): number {
    return this.count === 0 ? 0 : this.#uids.at(this.count - 1);
  }

  get uids(): Uint32Array {
    return this.#uids.values;
  }

  get sizeBytes(): number {
    return this.#uids.sizeBytes + this.valueBytes;
  }

  /** UIDs ascend. */
  add(uid: number, summary: MessageSummary): void {
    this.#uids.push(uid);
    this.addValue(summary);
  }

  /**
   * False when a message up to the last UID is not here: it was expunged when the column was made, and has come back by
   * replication.
   */
  *holdsStartOf({ uids, count }: Pick<MailboxView, "uids" | "count">): Steps<boolean> {
    const known = this.uids;
    const { lastUid } = this;
    // Nothing was expunged, for most.
    if (count >= this.count && bytesOf(uids, this.count).equals(bytesOf(known, this.count))) return true;
    for (let at = 0, i = 0, until = STEP_ITEMS; i < count && uids[i]! <= lastUid; i++) {
      while (known[at]! < uids[i]!) at++;
      if (known[at] !== uids[i]) return false;
      if (at < until) continue;
      until = at + STEP_ITEMS;
      yield;
    }
    return true;
  }

  /** Work to do after messages were added, in steps of about a millisecond. */
  *settle(): Steps<void> {
    // Nothing, for most.
  }

  /** Position in the column of each of `uids`, which ascend; -1 for one that is not there. */
  *positionsOf(uids: ArrayLike<number>): Steps<Int32Array> {
    const known = this.uids;
    const positions = new Int32Array(uids.length);
    let at = 0;
    for (let i = 0, until = STEP_ITEMS; i < uids.length;) {
      const uid = uids[i]!;
      while (at < until && known[at]! < uid) at++;
      if (at < until) {
        positions[i++] = known[at] === uid ? at : -1;
        if (i % STEP_ITEMS === 0) yield;
      } else {
        until += STEP_ITEMS;
        yield;
      }
    }
    return positions;
  }

  protected abstract get valueBytes(): number;
  protected abstract addValue(summary: MessageSummary): void;
}

function bytesOf({ buffer, byteOffset }: Uint32Array, count: number): Buffer {
  return Buffer.from(buffer, byteOffset, 4 * count);
}

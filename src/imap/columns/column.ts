/**
 * One value a message out of its summary, packed and kept for the whole mailbox. Messages never change, so a column
 * only grows; what was expunged stays in it until there is more of that than of the rest.
 */
import type { MessageSummary } from "../../mime/summary.ts";
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

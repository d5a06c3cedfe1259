/** Messages of the store that the ledger does not know, by what makes them one with a message of the source. */
import type { MailboxView } from "../../store/port.ts";
import type { KnownUids, StrayKey, Strays } from "./target.ts";

export class StoreStrays implements Strays {
  /** Digest and date → UIDs, highest first. */
  readonly #uids = new Map<string, number[]>();
  size = 0;

  /** Reads what it needs; the view may be released afterwards. */
  constructor(view: MailboxView, fromUid: number, known: KnownUids) {
    const first = view.lowerBound(fromUid);
    for (let index = view.count - 1; index >= first; index--) {
      if (known.has(view.uids[index]!)) continue;
      this.size++;
      const key = `${view.guid(index)} ${view.internalDates[index]}`;
      const uids = this.#uids.get(key);
      if (uids === undefined) this.#uids.set(key, [view.uids[index]!]);
      else uids.push(view.uids[index]!);
    }
  }

  claim({ guid, internalDate }: StrayKey): Promise<number | undefined> {
    return Promise.resolve(this.#uids.get(`${guid} ${internalDate}`)?.pop());
  }

  alike({ guid, internalDate }: StrayKey): Promise<readonly number[]> {
    return Promise.resolve((this.#uids.get(`${guid} ${internalDate}`) ?? []).toReversed());
  }
}

/**
 * What a session has told its client by itself since the last updates: the flags of messages as of a modseq. A change of
 * many messages has one modseq, so it is a list and not an entry a message.
 */
export class ToldFlags {
  /** Modseq → UIDs, ascending. */
  #lists = new Map<number, number[]>();
  /** UID → modseq of those that came out of order. */
  #others = new Map<number, number>();

  add(uid: number, modseq: number): void {
    const list = this.#lists.get(modseq);
    if (list === undefined) this.#lists.set(modseq, [uid]);
    else if (uid > list.at(-1)!) list.push(uid);
    else if (!includes(list, uid)) this.#others.set(uid, modseq);
  }

  /** `uids` ascend. */
  addAll(uids: readonly number[], modseq: number): void {
    if (uids.length > 0 && !this.#lists.has(modseq)) this.#lists.set(modseq, uids.slice());
    else for (const uid of uids) this.add(uid, modseq);
  }

  has(uid: number, modseq: number): boolean {
    const list = this.#lists.get(modseq);
    return (list !== undefined && includes(list, uid)) || this.#others.get(uid) === modseq;
  }

  clear(): void {
    if (this.#lists.size > 0) this.#lists.clear();
    if (this.#others.size > 0) this.#others.clear();
  }
}

function includes(ascending: readonly number[], value: number): boolean {
  let low = 0;
  let high = ascending.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = ascending[middle]!;
    if (found === value) return true;
    if (found < value) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}

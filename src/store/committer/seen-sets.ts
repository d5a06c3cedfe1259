/** \Seen of users whose flag is not kept in the record (Cyrus seen.db): a UID set for each user and mailbox. */
import {
  normalizeRanges,
  parseRanges,
  printRanges,
  rangesOf,
  type NumberRange,
} from "../../wire/number-set.ts";
import type { SeenState, UserId } from "../model.ts";
import { userOf } from "../names.ts";
import type { Batch } from "./batch.ts";
import type { MailboxState } from "./mailbox-state.ts";

/** Whether `user`'s \Seen is the record's own flag. */
export function seenIsInRecord(state: MailboxState, user: UserId): boolean {
  return user === "" || state.statics.options.includes("sharedSeen") || userOf(state.statics.name) === user;
}

export class SeenSet {
  #ranges: NumberRange[];

  constructor(text: string) {
    this.#ranges = normalizeRanges(parseRanges(text) ?? []);
  }

  has(uid: number): boolean {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle]!.last < uid) low = middle + 1;
      else high = middle;
    }
    return low < this.#ranges.length && this.#ranges[low]!.first <= uid;
  }

  add(ascending: Iterable<number>): void {
    this.#ranges = normalizeRanges([...this.#ranges, ...rangesOf(ascending)]);
  }

  remove(ascending: Iterable<number>): void {
    const gone = rangesOf(ascending);
    this.#ranges = this.#ranges.flatMap((range) => withoutRanges(range, gone));
  }

  toString(): string {
    return printRanges(this.#ranges);
  }
}

function withoutRanges(range: NumberRange, gone: readonly NumberRange[]): NumberRange[] {
  const kept: NumberRange[] = [];
  let { first } = range;
  for (const cut of gone) {
    if (cut.last < first || cut.first > range.last) continue;
    if (cut.first > first) kept.push({ first, last: cut.first - 1 });
    first = cut.last + 1;
  }
  if (first <= range.last) kept.push({ first, last: range.last });
  return kept;
}

export function readSeenState(batch: Batch, user: UserId, uniqueId: string): SeenState | undefined {
  const row = batch.index
    .sql(
      "SELECT last_read, last_uid, last_change, seen_uids FROM seen_states WHERE user_id = ? AND unique_id = ?",
    )
    .get(user, uniqueId) as
    | { last_read: number; last_uid: number; last_change: number; seen_uids: string }
    | undefined;
  if (row === undefined) return undefined;
  const { last_read: lastRead, last_uid: lastUid, last_change: lastChange, seen_uids: seenUids } = row;
  return { userId: user, uniqueId, lastRead, lastUid, lastChange, seenUids };
}

export function writeSeenState(batch: Batch, value: SeenState): void {
  batch.changes++;
  batch.index
    .sql("INSERT OR REPLACE INTO seen_states VALUES (?, ?, ?, ?, ?, ?)")
    .run(value.userId, value.uniqueId, value.lastRead, value.lastUid, value.lastChange, value.seenUids);
  batch.seenChanged.add(`${value.userId}\0${value.uniqueId}`);
}

/** Marks messages seen or unseen for a user whose state is kept apart. UIDs ascend. */
export function changeSeenState(
  batch: Batch,
  state: MailboxState,
  user: UserId,
  change: { readonly seen: readonly number[]; readonly unseen: readonly number[] },
): void {
  const { uniqueId, name } = state.statics;
  const before = readSeenState(batch, user, uniqueId);
  const set = new SeenSet(before?.seenUids ?? "");
  set.add(change.seen);
  set.remove(change.unseen);
  writeSeenState(batch, {
    userId: user,
    uniqueId,
    lastRead: batch.nowSeconds,
    lastUid: Math.max(before?.lastUid ?? 0, state.numbers.lastUid),
    lastChange: batch.nowSeconds,
    seenUids: set.toString(),
  });
  batch.feedOfUser("seen", user, name, uniqueId);
}

/** Says for each UID whether `user` has seen it. */
export function seenBy(
  batch: Batch,
  state: MailboxState,
  user: UserId,
): (uid: number, flagSet: boolean) => boolean {
  if (seenIsInRecord(state, user)) return (_, flagSet) => flagSet;
  const set = new SeenSet(readSeenState(batch, user, state.statics.uniqueId)?.seenUids ?? "");
  return (uid) => set.has(uid);
}

/** What is searched: the selected mailbox as its client knows it, or any other as it is now (RFC 7377). */
import type { Uid } from "../../base/numbers.ts";
import type { MailboxId } from "../../store/model.ts";
import type { MailboxView } from "../../store/port.ts";
import { normalizeRanges, rangesOf, type NumberRange } from "../../wire/number-set.ts";
import { STAR, type SequenceSet } from "../codec/reader.ts";

export interface SearchTarget {
  readonly id: MailboxId;
  readonly view: MailboxView;
  /** Messages by sequence number 1..count. */
  readonly count: number;
  /** What `$` means here (RFC 5182). */
  readonly saved: readonly number[];
  uidAt(sequence: number): Uid;
  /** 0 when it has none. */
  sequenceOf(uid: number): number;
  isRecent(uid: number): boolean;
}

/** A mailbox that is not selected: a message's sequence number is its place in the view. */
export class ViewTarget implements SearchTarget {
  readonly view: MailboxView;
  readonly saved: readonly number[] = [];

  constructor(view: MailboxView) {
    this.view = view;
  }

  get id(): MailboxId {
    return this.view.mailbox.id;
  }

  get count(): number {
    return this.view.count;
  }

  uidAt(sequence: number): Uid {
    return this.view.uids[sequence - 1] as Uid;
  }

  sequenceOf(uid: number): number {
    return this.view.indexOf(uid) + 1;
  }

  isRecent(uid: number): boolean {
    return uid > this.view.mailbox.recentUid;
  }
}

/**
 * UIDs that a set in a search program means now; fixed from then on (RFC 5267 §4.3). Numbers beyond the mailbox mean
 * nothing there, they are no error (RFC 7377 §2).
 */
export function uidRanges(
  target: SearchTarget,
  set: SequenceSet,
  by: "sequence" | "uid",
): readonly NumberRange[] {
  if (set.saved) return rangesOf(target.saved);
  const { count } = target;
  if (count === 0) return [];
  const highest = by === "uid" ? target.uidAt(count) : count;
  const ranges: NumberRange[] = [];
  for (const range of set.ranges) {
    const one = range.first === STAR ? highest : range.first;
    const other = range.last === STAR ? highest : range.last;
    const first = Math.min(one, other);
    const last = Math.max(one, other);
    if (by === "uid") ranges.push({ first, last });
    else if (first <= count) {
      ranges.push({ first: target.uidAt(first), last: target.uidAt(Math.min(last, count)) });
    }
  }
  return normalizeRanges(ranges);
}

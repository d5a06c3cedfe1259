/** `VANISHED (EARLIER)`: UIDs that are gone since a modseq (RFC 7162 §3.2.5, §3.2.6). */
import type { Modseq } from "../base/numbers.ts";
import {
  normalizeRanges,
  printNumbers,
  printRanges,
  rangesInclude,
  type NumberRange,
} from "../wire/number-set.ts";
import type { Session } from "./session.ts";

/**
 * Of the asked-for UIDs above `floor`. Below the tombstone floor nobody knows when a UID went: then every one that is
 * not there is told (§3.2.5.2), as ranges, however many they are.
 */
export function tellVanished(
  session: Session,
  ranges: readonly NumberRange[],
  since: Modseq,
  floor = 0,
): void {
  const { view } = session.selected;
  const asked = normalizeRanges(ranges);
  const known = view.vanishedSince(since);
  const text =
    known === "unknown"
      ? printRanges(intersection(gaps(view.uids.subarray(0, view.count), floor, view.mailbox.lastUid), asked))
      : printNumbers(known.filter((uid) => rangesInclude(asked, uid)));
  if (text !== "") session.untagged(`VANISHED (EARLIER) ${text}`);
}

/** UIDs between `floor` and `lastUid` that are not in `uids`. */
function gaps(uids: Uint32Array, floor: number, lastUid: number): NumberRange[] {
  const found: NumberRange[] = [];
  let next = floor + 1;
  for (const uid of uids) {
    if (uid > next) found.push({ first: next, last: uid - 1 });
    if (uid >= next) next = uid + 1;
  }
  if (next <= lastUid) found.push({ first: next, last: lastUid });
  return found;
}

function intersection(one: readonly NumberRange[], other: readonly NumberRange[]): NumberRange[] {
  const both: NumberRange[] = [];
  let at = 0;
  for (const { first, last } of one) {
    while (at < other.length && other[at]!.last < first) at++;
    for (let i = at; i < other.length && other[i]!.first <= last; i++) {
      both.push({ first: Math.max(first, other[i]!.first), last: Math.min(last, other[i]!.last) });
    }
  }
  return both;
}

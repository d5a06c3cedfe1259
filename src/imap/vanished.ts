/** `VANISHED (EARLIER)`: UIDs that are gone since a modseq (RFC 7162 §3.2.5, §3.2.6). */
import type { Modseq } from "../base/numbers.ts";
import { normalizeRanges, type NumberRange } from "../wire/number-set.ts";
import type { Output } from "../wire/output.ts";
import { writeInTurns } from "./search/answer.ts";
import type { Session } from "./session.ts";
import { inTurns, STEP_ITEMS, type Steps } from "./turns.ts";

/**
 * Of the asked-for UIDs above `floor`. Below the tombstone floor nobody knows when a UID went: then every one that is
 * not there is told (§3.2.5.2), as ranges, however many they are.
 */
export async function tellVanished(
  session: Session,
  ranges: readonly NumberRange[],
  since: Modseq,
  floor = 0,
): Promise<void> {
  const { view } = session.selected;
  const asked = normalizeRanges(ranges);
  const known = view.vanishedSince(since);
  const gone =
    known === "unknown"
      ? intersection(gaps(view.uids.subarray(0, view.count), floor, view.mailbox.lastUid), asked)
      : await inTurns(session, within(known, asked));
  if (gone.length > 0 && !session.ended) await writeInTurns(session, (out) => writeVanished(out, gone));
}

/** Ranges of those of `uids`, which ascend, that lie in `asked`. */
function* within(uids: readonly number[], asked: readonly NumberRange[]): Steps<NumberRange[]> {
  const found: NumberRange[] = [];
  let range = 0;
  let first = 0;
  let last = -1;
  for (let i = 0; i < uids.length; i++) {
    if (i % STEP_ITEMS === STEP_ITEMS - 1) yield;
    const uid = uids[i]!;
    while (range < asked.length && asked[range]!.last < uid) range++;
    if (range === asked.length) break;
    if (uid < asked[range]!.first || uid === last) continue;
    if (uid !== last + 1) {
      if (last >= 0) found.push({ first, last });
      first = uid;
    }
    last = uid;
  }
  if (last >= 0) found.push({ first, last });
  return found;
}

function* writeVanished(out: Output, ranges: readonly NumberRange[]): Steps<void> {
  out.ascii("* VANISHED (EARLIER) ");
  for (let i = 0; i < ranges.length; i++) {
    const { first, last } = ranges[i]!;
    if (i > 0) out.ascii(",");
    out.number(first);
    if (last > first) out.ascii(":").number(last);
    if (i % STEP_ITEMS === STEP_ITEMS - 1) yield;
  }
  out.ascii("\r\n");
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

/** How the searching commands answer: `* SEARCH 2 3`, `* SORT 3 2`, or ESEARCH (RFC 4731 §3.1, RFC 9051 §7.3.4). */
import { quoted } from "../codec/writer.ts";
import type { Session } from "../session.ts";
import type { ReturnOptions, SearchResult } from "./returns.ts";
import type { SearchTarget } from "./target.ts";

/** Sequence numbers of UIDs in any order; of those the client does not know any more, none. */
export function resultOf(
  target: SearchTarget,
  uids: readonly number[],
  by: "sequence" | "uid",
): SearchResult {
  if (by === "uid") return { uids, numbers: uids };
  const numbers: number[] = [];
  for (const uid of uids) {
    // Mostly every message follows the one before.
    const guess = (numbers.at(-1) ?? 0) + 1;
    const known = guess <= target.count && target.uidAt(guess) === uid;
    const number = known ? guess : target.sequenceOf(uid);
    if (number !== 0) numbers.push(number);
  }
  return { uids, numbers };
}

/** `* SEARCH 2 3 (MODSEQ 9)`; SORT the same. */
export function writePlain(
  session: Session,
  name: "SEARCH" | "SORT",
  { numbers }: SearchResult,
  modseq: number | undefined,
): void {
  const { out } = session;
  out.ascii(`* ${name}`);
  for (const number of numbers) out.ascii(" ").number(number);
  if (modseq !== undefined && numbers.length > 0) out.ascii(` (MODSEQ ${modseq})`);
  out.ascii("\r\n");
}

/** `* ESEARCH (TAG "a") UID COUNT 5 …`, and what SAVE keeps. `modseqOf` when a MODSEQ key was used. */
export function writeEsearch(
  session: Session,
  tag: string,
  result: SearchResult,
  returns: ReturnOptions,
  by: "sequence" | "uid",
  modseqOf: ((uids: readonly number[]) => number) | undefined,
): void {
  if (returns.answers) {
    const about = returns.spokenOf(result);
    const modseq = modseqOf === undefined || about.length === 0 ? "" : ` MODSEQ ${modseqOf(about)}`;
    session.untagged(
      `ESEARCH (TAG ${quoted(tag)})${by === "uid" ? " UID" : ""}${returns.text(result)}${modseq}`,
    );
  }
  if (returns.saves) session.selected.save([...returns.spokenOf(result)].sort((a, b) => a - b));
}

/** The highest modseq of these messages. */
export function highestModseq({ view }: SearchTarget, uids: readonly number[]): number {
  let highest = 0;
  for (const uid of uids) {
    const index = view.indexOf(uid);
    if (index >= 0 && view.modseqs[index]! > highest) highest = view.modseqs[index]!;
  }
  return highest;
}

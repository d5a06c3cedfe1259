/** How the searching commands answer: `* SEARCH 2 3`, `* SORT 3 2`, or ESEARCH (RFC 4731 §3.1, RFC 9051 §7.3.4). */
import { Output } from "../../wire/output.ts";
import { quoted } from "../codec/writer.ts";
import type { Session } from "../session.ts";
import { inTurns, STEP_ITEMS, type Steps } from "../turns.ts";
import type { ReturnOptions, SearchResult } from "./returns.ts";
import type { SearchTarget } from "./target.ts";

/** Sequence numbers of UIDs in any order; of those the client does not know any more, none. */
export function* resultOf(
  target: SearchTarget,
  uids: readonly number[],
  by: "sequence" | "uid",
): Steps<SearchResult> {
  if (by === "uid") return { uids, numbers: uids };
  const numbers: number[] = [];
  for (let i = 0; i < uids.length; i++) {
    const uid = uids[i]!;
    // Mostly every message follows the one before.
    const guess = (numbers.at(-1) ?? 0) + 1;
    const known = guess <= target.count && target.uidAt(guess) === uid;
    const number = known ? guess : target.sequenceOf(uid);
    if (number !== 0) numbers.push(number);
    if (i % STEP_ITEMS === STEP_ITEMS - 1) yield;
  }
  return { uids, numbers };
}

/** One long line, written in steps: what others write meanwhile comes before it, not into it. */
export async function writeInTurns(session: Session, write: (out: Output) => Steps<void>): Promise<void> {
  const chunks: Buffer[] = [];
  const out = new Output((bytes) => chunks.push(bytes));
  await inTurns(session, write(out));
  out.flush();
  if (session.ended) return;
  for (const chunk of chunks) session.out.bytes(chunk);
}

/** `* SEARCH 2 3 (MODSEQ 9)`; SORT the same. */
export function* writePlain(
  out: Output,
  name: "SEARCH" | "SORT",
  { numbers }: SearchResult,
  modseq: number | undefined,
): Steps<void> {
  out.ascii(`* ${name}`);
  for (let at = 0; at < numbers.length; at += STEP_ITEMS) {
    out.numbers(numbers.slice(at, at + STEP_ITEMS));
    yield;
  }
  if (modseq !== undefined && numbers.length > 0) out.ascii(` (MODSEQ ${modseq})`);
  out.ascii("\r\n");
}

/** `* ESEARCH (TAG "a") UID COUNT 5 …`, and what SAVE keeps. `modseqOf` when a MODSEQ key was used. */
export async function writeEsearch(
  session: Session,
  tag: string,
  result: SearchResult,
  returns: ReturnOptions,
  by: "sequence" | "uid",
  modseqOf: ((uids: readonly number[]) => number) | undefined,
): Promise<void> {
  if (returns.answers) {
    const text = await inTurns(session, returns.text(result));
    if (session.ended) return;
    const about = returns.spokenOf(result);
    const modseq = modseqOf === undefined || about.length === 0 ? "" : ` MODSEQ ${modseqOf(about)}`;
    session.untagged(`ESEARCH (TAG ${quoted(tag)})${by === "uid" ? " UID" : ""}${text}${modseq}`);
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

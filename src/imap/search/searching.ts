/** What SEARCH and SORT share: RETURN, SAVE, and contexts that follow changes (RFC 4731, RFC 5182, RFC 5267). */
import type { Uid } from "../../base/numbers.ts";
import type { Reader } from "../codec/reader.ts";
import type { CommandCall } from "../command.ts";
import { bad, ImapRefusal } from "../refusal.ts";
import type { Session } from "../session.ts";
import type { SortCriterion } from "../sort/criteria.ts";
import { sortUids } from "../sort/order.ts";
import { inTurns } from "../turns.ts";
import { highestModseq, resultOf, writeEsearch, writeInTurns, writePlain } from "./answer.ts";
import { findMessages } from "./engine.ts";
import type { Matcher } from "./matcher.ts";
import { newsOf } from "./news.ts";
import { readReturnOptions, type ReturnOptions } from "./returns.ts";

export interface Searching {
  readonly returns: ReturnOptions | undefined;
  readonly matcher: Matcher;
  /** undefined = mailbox order. */
  readonly criteria?: readonly SortCriterion[] | undefined;
}

/** [SP "RETURN" … ] and then the program; a program that is refused with NO empties `$` (RFC 5182 §2.1). */
export function readSearching(
  reader: Reader,
  session: Session,
  fallback: ReturnOptions | undefined,
  program: () => Omit<Searching, "returns">,
): Searching {
  const returns = readReturnOptions(reader.sp(), session) ?? fallback;
  try {
    return { returns, ...program() };
  } catch (error) {
    if (returns?.saves === true && error instanceof ImapRefusal && error.status === "NO") {
      session.selected.save([]);
    }
    throw error;
  }
}

export async function runSearching(
  session: Session,
  { returns, matcher, criteria }: Searching,
  { by, tag }: CommandCall,
): Promise<void> {
  const { selected } = session;
  const update = returns?.update;
  // RFC 5267 §4.3
  if (update !== undefined && newsOf(session, selected).has(tag)) throw bad("Tag reuse");
  let uids: readonly Uid[];
  try {
    uids = await findMessages(session, selected, matcher);
  } catch (error) {
    if (returns?.saves === true) selected.save([]);
    throw error;
  }
  if (session.ended) return;
  const sorted = criteria === undefined ? uids : await sortUids(session, selected, uids, criteria);
  if (session.ended) return;
  const result = await inTurns(session, resultOf(selected, sorted, by));
  if (session.ended) return;
  const modseqOf =
    matcher.asksModseq === true ? (some: readonly number[]) => highestModseq(selected, some) : undefined;
  if (returns === undefined) {
    const name = criteria === undefined ? "SEARCH" : "SORT";
    await writeInTurns(session, (out) => writePlain(out, name, result, modseqOf?.(result.uids)));
    return;
  }
  await writeEsearch(session, tag, result, returns, by, modseqOf);
  if (update === undefined || session.ended) return;
  newsOf(session, selected).follow({ tag, by, matcher, criteria, fetches: update.fetches ?? [] }, sorted);
}

/** SEARCH: RFC 9051 §6.4.4; UID SEARCH: §6.4.9; RETURN: RFC 4731; SAVE: RFC 5182; MODSEQ: RFC 7162 §3.1.5. */
import type { Uid } from "../../base/numbers.ts";
import { command } from "../command.ts";
import { findMessages } from "../search/engine.ts";
import { readSearchProgram } from "../search/keys.ts";
import { defaultReturnItems, readReturnItems, writeEsearch } from "../search/returns.ts";
import type { Session } from "../session.ts";

export const search = command({
  name: "SEARCH",
  state: "selected",
  uid: true,
  holdsExpunges: true,
  parse(reader, session, call) {
    const asked = readReturnItems(reader.sp(), session);
    const returns = asked ?? (session.rev2 ? defaultReturnItems(reader, session) : undefined);
    if (asked?.some(({ name }) => name === "SAVE")) session.selected.save([]);
    const matcher = readSearchProgram(reader, session, call);
    return { returns, matcher };
  },
  async run(session, { returns, matcher }, { by, tag }) {
    const uids = await findMessages(session, session.selected, matcher);
    if (session.ended) return;
    const { selected } = session;
    const numbers = by === "uid" ? uids : selected.sequencesOf(uids);
    const modseq = session.condstore ? highestModseq(session, uids) : undefined;
    if (returns !== undefined) {
      writeEsearch(session, { uids, numbers, tag }, returns, by, modseq);
      return;
    }
    const { out } = session;
    out.ascii("* SEARCH").numbers(numbers);
    if (modseq !== undefined && numbers.length > 0) out.ascii(` (MODSEQ ${modseq})`);
    out.ascii("\r\n");
  },
});

/** RFC 7162 §3.1.5: the highest of the found ones. */
export function highestModseq(session: Session, uids: readonly Uid[]): number {
  const { view } = session.selected;
  let highest = 0;
  for (const uid of uids) {
    const index = view.indexOf(uid);
    if (index >= 0 && view.modseqs[index]! > highest) highest = view.modseqs[index]!;
  }
  return highest;
}

/** SEARCH: RFC 9051 §6.4.4; UID SEARCH: §6.4.9; RETURN: RFC 4731; MODSEQ: RFC 7162 §3.1.5; UPDATE: RFC 5267. */
import { command } from "../command.ts";
import { readSearchProgram } from "../search/keys.ts";
import { DEFAULT_RETURNS } from "../search/returns.ts";
import { readSearching, runSearching } from "../search/searching.ts";

export const search = command({
  name: "SEARCH",
  state: "selected",
  uid: true,
  holdsExpunges: true,
  // RFC 9051 §6.4.4: IMAP4rev2 answers with ESEARCH.
  parse: (reader, session, call) =>
    readSearching(reader, session, session.rev2 ? DEFAULT_RETURNS : undefined, () => ({
      matcher: readSearchProgram(reader, session, call),
    })),
  run: (session, parsed, call) => runSearching(session, parsed, call),
});

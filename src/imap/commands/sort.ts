/** SORT and UID SORT: RFC 5256 §3; RETURN (ESORT) and UPDATE: RFC 5267 §3, §4. */
import { command } from "../command.ts";
import { readCharset, readSearchKeys } from "../search/keys.ts";
import { readSearching, runSearching } from "../search/searching.ts";
import { readSortCriteria } from "../sort/criteria.ts";

export const sort = command({
  name: "SORT",
  state: "selected",
  uid: true,
  holdsExpunges: true,
  parse: (reader, session, call) =>
    readSearching(reader, session, undefined, () => {
      const criteria = readSortCriteria(reader);
      const charset = readCharset(reader.sp());
      reader.sp();
      return { criteria, matcher: readSearchKeys(reader, session, call, charset) };
    }),
  run: (session, parsed, call) => runSearching(session, parsed, call),
});

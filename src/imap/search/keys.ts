/** Every search key by name, and how a program of them is read: RFC 9051 §6.4.4, RFC 5182 `$`. */
import { annotationKey } from "../annotate/search-key.ts";
import { isKnownCharset } from "../../mime/charset.ts";
import type { CommandCall } from "../command.ts";
import type { Reader } from "../codec/reader.ts";
import { bad, no } from "../refusal.ts";
import type { Session } from "../session.ts";
import { columnKeys, setMatcher } from "./columns.ts";
import { readNeedle, type SearchKey, type SearchParser } from "./key.ts";
import { and, not, or, type Matcher } from "./matcher.ts";
import { textKeys } from "./text.ts";

/** Keys of one program; more would only be an attack. */
const MAX_KEYS = 2000;

const KEYS: ReadonlyMap<string, SearchKey> = new Map(
  [
    ...columnKeys,
    ...textKeys,
    annotationKey,
    { name: "NOT", parse: (parser: SearchParser) => not(parser.key()) },
    { name: "OR", parse: (parser: SearchParser) => or(parser.key(), parser.key()) },
  ].map((key) => [key.name, key]),
);

/** search-program = ["CHARSET" SP charset SP] search-key *(SP search-key); the first space is read already. */
export function readSearchProgram(reader: Reader, session: Session, call: CommandCall): Matcher {
  let charset = "utf-8";
  if (reader.peekKeyword() === "CHARSET") {
    reader.keyword();
    // RFC 6855 §3
    if (session.enabled.has("UTF8=ACCEPT")) throw bad("No CHARSET with UTF8=ACCEPT");
    charset = readCharset(reader.sp());
    reader.sp();
  }
  return readSearchKeys(reader, session, call, charset);
}

/** @throws ImapRefusal BADCHARSET: RFC 9051 §6.4.4 */
export function readCharset(reader: Reader): string {
  const charset = reader.astring();
  if (!isKnownCharset(charset)) throw no(`Unknown charset "${charset}"`, "BADCHARSET (UTF-8 US-ASCII)");
  return charset;
}

/** search-key *(SP search-key), as SORT and THREAD have it too. */
export function readSearchKeys(
  reader: Reader,
  session: Session,
  call: CommandCall,
  charset: string,
): Matcher {
  let count = 0;
  const one = (): Matcher => {
    if (++count > MAX_KEYS) throw bad("Too many search keys", "LIMIT");
    reader.deeper();
    try {
      if (reader.peekIs("(")) return and(reader.list(one));
      const next = reader.peek();
      if (next === 0x24 || next === 0x2a || (next >= 0x30 && next <= 0x39))
        return setMatcher(reader.sequenceSet(), "sequence");
      const name = reader.keyword();
      const key = KEYS.get(name);
      if (key === undefined) throw bad(`Unknown search key "${name}"`);
      return key.parse(parser);
    } finally {
      reader.shallower();
    }
  };
  const parser: SearchParser = {
    reader,
    session,
    call,
    key() {
      reader.sp();
      return one();
    },
    needle: () => readNeedle(reader, charset),
  };
  const keys = [one()];
  while (reader.skip(" ")) keys.push(one());
  return and(keys);
}

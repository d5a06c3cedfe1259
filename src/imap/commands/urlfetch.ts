/** URLFETCH: RFC 4467 §7, with parameters: RFC 5524 §3. A URL that does not hold is answered with NIL, never refused. */
import { command } from "../command.ts";
import { writeString } from "../codec/writer.ts";
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";
import { findAuthorized } from "../urlauth/authorized.ts";
import { parseImapUrl } from "../urlauth/url.ts";
import { isUrlParameter, writeParameter, writeUrlBody, type UrlParameter } from "../urlauth/write.ts";

/** URLs of one command. */
const MAX_URLS = 1_000;

interface Wanted {
  readonly text: string;
  /** Undefined: the simple form. */
  readonly parameters: readonly UrlParameter[] | undefined;
}

export const urlfetch = command({
  name: "URLFETCH",
  state: "authenticated",
  parse(reader) {
    const wanted: Wanted[] = [];
    do {
      if (wanted.length === MAX_URLS) throw bad("Too many URLs at once", "LIMIT");
      wanted.push(readWanted(reader.sp()));
    } while (reader.peekIs(" "));
    return wanted;
  },
  async run(session, wanted) {
    const { out } = session;
    for (const { text, parameters } of wanted) {
      const url = parseImapUrl(text);
      const part = url?.verifier === undefined ? undefined : await findAuthorized(session, url);
      if (session.ended) return;
      // One response for each: a long one does not hold up what is known already.
      out.ascii("* URLFETCH ");
      writeString(out, text);
      if (part === undefined) out.ascii(" NIL");
      else if (parameters === undefined) await writeUrlBody(session, part, out.ascii(" "));
      else {
        for (const parameter of parameters) {
          out.ascii(` (${parameter} `);
          await writeParameter(session, part, parameter);
          out.ascii(")");
        }
      }
      out.ascii("\r\n");
      const pause = session.pause();
      if (pause !== undefined) await pause;
      if (session.ended) return;
    }
  },
});

/** url-full / "(" url-full *(SP url-fetch-param) ")". */
function readWanted(reader: Reader): Wanted {
  if (!reader.skip("(")) return { text: reader.astring(), parameters: undefined };
  const text = reader.astring();
  const parameters: UrlParameter[] = [];
  while (reader.skip(" ")) {
    const name = reader.keyword();
    if (!isUrlParameter(name)) throw bad(`Unknown URLFETCH parameter "${name}"`);
    if (parameters.includes(name)) throw bad(`${name} is asked for twice`);
    parameters.push(name);
  }
  reader.expect(")");
  if (parameters.includes("BODY") && parameters.includes("BINARY")) throw bad("Either BODY or BINARY");
  return { text, parameters: parameters.length === 0 ? undefined : parameters };
}

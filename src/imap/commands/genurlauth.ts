import { Right } from "../../store/acl.ts";
import { requireRights } from "../../store/access.ts";
import { writeString } from "../codec/writer.ts";
import type { Reader } from "../codec/reader.ts";
import { command } from "../command.ts";
import { bad, no } from "../refusal.ts";
import type { Session } from "../session.ts";
import { isKnownAccess, MECHANISM } from "../urlauth/authorized.ts";
import { tokenOf } from "../urlauth/token.ts";
import { parseImapUrl } from "../urlauth/url.ts";
import { isSelectable } from "../visible.ts";

/** URLs of one command. */
const MAX_URLS = 1_000;

/** GENURLAUTH: RFC 4467 §7: `GENURLAUTH 1*(SP url-rump SP mechanism)`. */
export const genurlauth = command({
  name: "GENURLAUTH",
  state: "authenticated",
  parse(reader) {
    const rumps: string[] = [];
    do {
      if (rumps.length === MAX_URLS) throw bad("Too many URLs at once", "LIMIT");
      rumps.push(readRump(reader));
    } while (reader.peekIs(" "));
    return rumps;
  },
  async run(session, rumps) {
    const urls: string[] = [];
    for (const rump of rumps) urls.push(await authorize(session, rump));
    const { out } = session;
    out.ascii("* GENURLAUTH");
    for (const url of urls) writeString(out.ascii(" "), url);
    out.ascii("\r\n");
  },
});

function readRump(reader: Reader): string {
  const rump = reader.sp().astring();
  const mechanism = reader.sp().keyword();
  if (mechanism !== MECHANISM) throw bad(`URLAUTH mechanism "${mechanism}" is not known`);
  return rump;
}

/** Only of what the user may read himself, and in his own name (RFC 4467 §7). */
async function authorize(session: Session, rump: string): Promise<string> {
  const { urlAuthSecret: secret, store, directory } = session.services;
  if (secret === undefined) throw no("URLAUTH is not offered here", "CANNOT");
  const url = parseImapUrl(rump);
  const user = url?.server?.user;
  if (url?.mailbox === undefined || user === undefined || url.access === undefined || url.verifier) {
    throw bad("Not an IMAP URL to authorise");
  }
  if (!isKnownAccess(url.access)) throw bad(`Unknown access identifier "${url.access}"`);
  if ((await directory.findUser(user))?.userId !== session.user)
    throw no("The URL is of another user", "NOPERM");
  const mailbox = store.mailboxes.get(session.namespace.toInternal(url.mailbox, "utf8"));
  requireRights(mailbox, session.accessor, Right.read);
  if (!isSelectable(mailbox)) throw no("Not a mailbox with messages", "CANNOT");
  const token = tokenOf(secret, store.annotations, session.user, mailbox, rump);
  return `${rump}:${MECHANISM.toLowerCase()}:${token}`;
}

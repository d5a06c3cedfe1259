/** CREATE: RFC 9051 §6.3.4, with CREATE-SPECIAL-USE (RFC 6154 §3) and MAILBOXID (RFC 8474 §4.1). */
import { requireRights } from "../../store/access.ts";
import { Right } from "../../store/acl.ts";
import type { MailboxName } from "../../store/model.ts";
import { isOwner } from "../../store/access.ts";
import { checkNewName, parentOf } from "../../store/names.ts";
import { command } from "../command.ts";
import { readSpecialUses, useTaken } from "../list/special-use.ts";
import { bad, no } from "../refusal.ts";
import type { Session } from "../session.ts";

export const create = command({
  name: "CREATE",
  state: "authenticated",
  parse(reader) {
    const name = reader.sp().mailbox();
    const uses: string[] = [];
    if (reader.skipSpaceAnd("(")) {
      if (reader.keyword() !== "USE") throw bad("Unknown CREATE parameter");
      uses.push(...reader.sp().list((item) => item.flag()));
      reader.expect(")");
    }
    return { name, uses };
  },
  async run(session, { name, uses }) {
    // A trailing separator says that children will follow; the name is without it (RFC 9051 §6.3.4).
    const trimmed = name.endsWith(session.namespace.separator) ? name.slice(0, -1) : name;
    const internal = session.internalName(trimmed);
    checkNewName(internal);
    const existing = session.services.store.mailboxes.find(internal);
    // Also INBOX (RFC 9051 §6.3.4); whether others have a mailbox is not for everybody to know.
    if (existing?.intermediate === false && isOwner(internal, session.user)) {
      throw no("Mailbox exists already", "ALREADYEXISTS");
    }
    requireCreation(session, internal);
    const specialUse = readSpecialUses(uses);
    if (specialUse.length > 0 && !isOwner(internal, session.user))
      throw no("Only in your own mailboxes", "USEATTR");
    try {
      const mailbox = await session.services.store.create(
        internal,
        specialUse.length === 0 ? {} : { specialUse },
      );
      return { code: `MAILBOXID (${mailbox.uniqueId})` };
    } catch (error) {
      throw specialUse.length === 0 ? error : useTaken(error);
    }
  },
});

/** RFC 4314 §4: the right k on the nearest mailbox above; where there is none, admins only. */
export function requireCreation(session: Session, name: MailboxName): void {
  const { mailboxes } = session.services.store;
  for (let above = parentOf(name); above !== undefined; above = parentOf(above)) {
    const parent = mailboxes.find(above);
    if (parent === undefined || (parent.intermediate && parent.acl.length === 0)) continue;
    if (!session.accessor.isAdmin) requireRights(parent, session.accessor, Right.createMailbox);
    return;
  }
  if (!session.accessor.isAdmin) throw no("You may not create mailboxes there", "NOPERM");
}

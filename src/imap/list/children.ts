import type { MailboxName } from "../../store/model.ts";
import { inboxOf } from "../../store/names.ts";
import type { Session } from "../session.ts";
import { isVisible, type Shown } from "../visible.ts";

/** So many that he may not see are looked at; then it is said that there are children, which is never wrong for others. */
const MAX_LOOKED_AT = 500;

/** \HasChildren (RFC 3348 §3, RFC 9051 §7.3.1): something below it that the user can see. */
export function hasVisibleChildren(session: Session, name: MailboxName, shown: Shown): boolean {
  const { mailboxes } = session.services.store;
  let top = name;
  if (name === inboxOf(session.user) && session.namespace.prefixes().personal === "") {
    // In this namespace the user's folders stand beside INBOX; below it are only those of a folder INBOX.
    top = `${name}.INBOX`;
  }
  if (!mailboxes.hasChildren(top)) return false;
  let looked = 0;
  for (const mailbox of mailboxes.list(`${top}.`)) {
    if (isVisible(session, mailbox, shown) || ++looked > MAX_LOOKED_AT) return true;
  }
  return false;
}

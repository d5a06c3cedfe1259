/** Which mailboxes IMAP shows: calendars, address books and scripts are for their own protocols, as in Cyrus. */
import { effectiveRights } from "../store/access.ts";
import { Right } from "../store/acl.ts";
import type { Mailbox } from "../store/model.ts";
import { isDeletedName } from "../store/names.ts";
import type { Session } from "./session.ts";

export function isMail(mailbox: Mailbox): boolean {
  return mailbox.type === "mail" || mailbox.type === "news";
}

export function isSelectable(mailbox: Mailbox): boolean {
  return isMail(mailbox) && !mailbox.intermediate;
}

/** Shown to this user by LIST. */
export function isVisible(session: Session, mailbox: Mailbox): boolean {
  return (
    isMail(mailbox) &&
    (effectiveRights(mailbox, session.accessor) & Right.lookup) !== 0 &&
    !isDeletedName(mailbox.name)
  );
}

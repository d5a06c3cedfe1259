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

/** What LIST shows beside mail when it is asked for, as in Cyrus. */
export interface Shown {
  /** Calendars, address books, scripts: VENDOR.CMU-DAV. */
  readonly otherTypes: boolean;
  /** Deleted mailboxes that can be brought back, to administrators: VENDOR.CMU-INCLUDE-DELETED. */
  readonly deleted: boolean;
}

export const MAIL_ONLY: Shown = { otherTypes: false, deleted: false };

/** Shown to this user by LIST. */
export function isVisible(session: Session, mailbox: Mailbox, shown: Shown = MAIL_ONLY): boolean {
  return (
    (shown.otherTypes || isMail(mailbox)) &&
    (effectiveRights(mailbox, session.accessor) & Right.lookup) !== 0 &&
    (!isDeletedName(mailbox.name) || (shown.deleted && session.accessor.isAdmin))
  );
}

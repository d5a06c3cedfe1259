/** Who may read and write entries: RFC 5464 §3.3. */
import { Right, type Rights } from "../../store/acl.ts";
import type { Mailbox } from "../../store/model.ts";
import { no } from "../refusal.ts";
import type { Session } from "../session.ts";
import { findBuiltIn, isCyrusEntry } from "./built-in.ts";
import { isHidden, printEntryName, type EntryName } from "./entry.ts";

/** Beside l one of these: RFC 5464 §3.3. */
const ANY_OF: Rights = Right.read | Right.keepSeen | Right.write | Right.insert | Right.post;

/** @throws StoreError mailbox_not_found, ImapRefusal NOPERM */
export function metadataMailbox(session: Session, name: string): Mailbox {
  const mailbox = session.mailbox(name, Right.lookup);
  if (!mayReadMetadata(session, mailbox)) throw no("Needs one of the rights r, s, w, i or p", "NOPERM");
  return mailbox;
}

/** Of a mailbox that he may see. As in Cyrus, administrators need no further right. */
export function mayReadMetadata(session: Session, mailbox: Mailbox): boolean {
  return session.accessor.isAdmin || (session.rightsOn(mailbox) & ANY_OF) !== 0;
}

/** Shared entries are everybody's, so changing them needs w; Cyrus's need a; those of the server an administrator. */
export function checkWritable(session: Session, mailbox: Mailbox | undefined, entry: EntryName): void {
  const { isAdmin } = session.accessor;
  if (entry.name === "" || isHidden(entry.name)) {
    throw no(`${printEntryName(entry)} cannot be set`, "CANNOT");
  }
  const builtIn = mailbox === undefined ? undefined : findBuiltIn(entry);
  if (builtIn !== undefined && builtIn.write === undefined) {
    throw no(`${printEntryName(entry)} is read-only`, "CANNOT");
  }
  if (isAdmin || entry.scope === "private") return;
  if (mailbox === undefined) throw no("Only an administrator may set shared entries of the server", "NOPERM");
  const needed = builtIn?.rights ?? (isCyrusEntry(entry) ? Right.administer : Right.write);
  if ((session.rightsOn(mailbox) & needed) !== needed) {
    throw no(`${printEntryName(entry)} needs another right`, "NOPERM");
  }
}

/** The responses of NOTIFY about mailboxes that are not selected: RFC 5465 §5. */
import { Right } from "../../store/acl.ts";
import type { Mailbox, MailboxName } from "../../store/model.ts";
import { quoted } from "../codec/writer.ts";
import { attributesOf } from "../list/entries.ts";
import type { Session } from "../session.ts";
import { statusItems, writeStatus } from "../status.ts";
import { isMail, isSelectable, isVisible } from "../visible.ts";
import { hasRights } from "./mailbox-filter.ts";

/** New and expunged messages: §5.2, §5.3; changed flags: §5.1; the state at the start of a watch: §3.1. */
export async function tellStatus(
  session: Session,
  mailbox: Mailbox,
  { flags, whole = false }: { flags: boolean; whole?: boolean },
): Promise<void> {
  const external = session.externalName(mailbox.name);
  if (external === undefined || !isSelectable(mailbox)) return;
  const items = ["MESSAGES", "UIDNEXT"];
  if (flags || whole) items.push("UIDVALIDITY");
  if (flags) items.push("UNSEEN");
  if (session.condstore || (whole && flags)) items.push("HIGHESTMODSEQ");
  await writeStatus(session, mailbox, external, statusItems(items));
}

/** `* LIST (\Subscribed) "/" name ("OLDNAME" (old))`: §5.4, §5.5. */
export function tellName(session: Session, name: MailboxName, before: MailboxName | undefined): void {
  const { mailboxes, subscriptions } = session.services.store;
  const external = session.externalName(name);
  if (external === undefined) return;
  const found = mailboxes.find(name);
  if (found !== undefined && !isMail(found)) return;
  const mailbox = found !== undefined && isVisible(session, found) ? found : undefined;
  const entry = {
    external,
    name,
    mailbox,
    subscribed: subscriptions.has(session.user, name),
    hasChildren: mailbox !== undefined && mailboxes.hasChildren(name),
    matched: true,
    childInfo: false,
    useBelow: false,
  };
  const attributes =
    mailbox === undefined ? ["\\NonExistent"] : attributesOf(session, entry, { specialUse: true });
  if (entry.subscribed) attributes.push("\\Subscribed");
  const old = before === undefined ? undefined : session.externalName(before);
  session.out.ascii(`* LIST (${attributes.join(" ")}) ${quoted(session.namespace.separator)} `);
  session.writeMailboxName(external);
  if (old !== undefined && mailbox !== undefined) {
    session.out.ascii(' ("OLDNAME" (');
    session.writeMailboxName(old);
    session.out.ascii("))");
  }
  session.out.ascii("\r\n");
}

/** A mailbox that was named, can be listed, but not watched: §3.1. */
export function tellNoAccess(session: Session, mailbox: Mailbox): void {
  const external = session.externalName(mailbox.name);
  if (external === undefined) return;
  session.out.ascii(`* LIST (\\NoAccess) ${quoted(session.namespace.separator)} `);
  session.writeMailboxName(external);
  session.out.ascii("\r\n");
}

/** `* METADATA INBOX /shared/comment`: entries set since that modseq (RFC 5464 §4.4.2); the server's have none, so all. */
export function tellMetadata(session: Session, name: MailboxName, since: number): void {
  const { annotations, mailboxes } = session.services.store;
  const mailbox = name === "" ? undefined : mailboxes.find(name);
  if (name !== "" && (mailbox === undefined || !hasRights(session, mailbox, Right.lookup | Right.read)))
    return;
  const external = name === "" ? "" : session.externalName(name);
  if (external === undefined) return;
  const entries: string[] = [];
  for (const { entry, userId, modseq } of annotations.list(name, session.user)) {
    if (name !== "" && modseq < since) continue;
    entries.push(`${userId === "" ? "/shared" : "/private"}${entry}`);
  }
  if (entries.length === 0) return;
  session.out.ascii("* METADATA ");
  session.writeMailboxName(external);
  session.out.ascii(` ${entries.join(" ")}\r\n`);
}

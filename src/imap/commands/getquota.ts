/** GETQUOTA: RFC 9208 §4.1.1; GETQUOTAROOT: §4.1.2. */
import { isOwner } from "../../store/access.ts";
import { Right } from "../../store/acl.ts";
import { StoreError } from "../../store/errors.ts";
import type { MailboxName } from "../../store/model.ts";
import { command } from "../command.ts";
import { writeQuota, writeRootName } from "../quota/resources.ts";
import { no } from "../refusal.ts";
import type { Session } from "../session.ts";

export const getquota = command({
  name: "GETQUOTA",
  state: "authenticated",
  parse: (reader) => reader.sp().astring(),
  run(session, name) {
    const internal = session.internalName(name);
    const root = session.services.store.quotas.get(internal);
    if (root === undefined || !mayRead(session, internal))
      throw no("Quota root does not exist", "NONEXISTENT");
    writeQuota(session, root);
  },
});

/** The owner's and the admin's to know; of a shared folder, of those who may read it. */
function mayRead(session: Session, root: MailboxName): boolean {
  if (session.accessor.isAdmin || isOwner(root, session.user)) return true;
  const top = session.services.store.mailboxes.find(root);
  return top !== undefined && (session.rightsOn(top) & Right.read) !== 0;
}

export const getquotaroot = command({
  name: "GETQUOTAROOT",
  state: "authenticated",
  parse: (reader) => reader.sp().mailbox(),
  run(session, name) {
    const mailbox = findReadable(session, name);
    const root = session.services.store.quotas.rootOf(mailbox);
    session.out.ascii("* QUOTAROOT ");
    session.writeMailboxName(name);
    if (root !== undefined) {
      session.out.ascii(" ");
      writeRootName(session, root.root);
    }
    session.out.ascii("\r\n");
    if (root !== undefined) writeQuota(session, root);
  },
});

function findReadable(session: Session, name: string): MailboxName {
  // RFC 4314 says nothing of quota commands; Cyrus asks for r, and lets admins see every root.
  if (!session.accessor.isAdmin) return session.mailbox(name, Right.read).name;
  const mailbox = session.services.store.mailboxes.find(session.internalName(name));
  if (mailbox === undefined) throw new StoreError("mailbox_not_found", "mailbox does not exist");
  return mailbox.name;
}

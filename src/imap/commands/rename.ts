/** RENAME: RFC 9051 §6.3.6. Of INBOX: its messages move, INBOX and its children stay. */
import type { Uid } from "../../base/numbers.ts";
import { requireRights } from "../../store/access.ts";
import { Right } from "../../store/acl.ts";
import { StoreError } from "../../store/errors.ts";
import type { Mailbox, MailboxName } from "../../store/model.ts";
import { checkNewName, inboxOf } from "../../store/names.ts";
import { command } from "../command.ts";
import type { Session } from "../session.ts";
import { requireCreation } from "./create.ts";

export const rename = command({
  name: "RENAME",
  state: "authenticated",
  parse: (reader) => ({ source: reader.sp().mailbox(), target: reader.sp().mailbox() }),
  async run(session, { source, target }) {
    const { store } = session.services;
    // Also a level that is no mailbox itself: what is below it moves.
    const mailbox = store.mailboxes.find(session.internalName(source));
    if (mailbox === undefined) throw new StoreError("mailbox_not_found", "mailbox does not exist");
    if (!session.accessor.isAdmin) requireRights(mailbox, session.accessor, Right.deleteMailbox);
    const trimmed = target.endsWith(session.namespace.separator) ? target.slice(0, -1) : target;
    const newName = session.internalName(trimmed);
    checkNewName(newName);
    requireCreation(session, newName);
    if (mailbox.name === inboxOf(session.user)) await emptyInto(session, mailbox, newName);
    else await store.rename(mailbox.id, newName, { withChildren: true });
  },
});

async function emptyInto(session: Session, inbox: Mailbox, newName: MailboxName): Promise<void> {
  const { store } = session.services;
  const created = await store.create(newName, {});
  const view = await store.open(inbox.id);
  try {
    const uids = Array.from(view.uids.subarray(0, view.count)) as Uid[];
    if (uids.length > 0) await store.copy(inbox.id, uids, created.id, { move: true }, session.by);
  } finally {
    view.release();
  }
}

import { Right } from "../../store/acl.ts";
import { isInbox } from "../../store/names.ts";
import { command } from "../command.ts";
import { no } from "../refusal.ts";

/** DELETE: RFC 9051 §6.3.5. Children stay. */
export const deleteMailbox = command({
  name: "DELETE",
  state: "authenticated",
  parse: (reader) => reader.sp().mailbox(),
  async run(session, name) {
    const internal = session.internalName(name);
    const { isAdmin } = session.accessor;
    const mailbox = isAdmin
      ? session.services.store.mailboxes.get(internal)
      : session.mailbox(name, Right.deleteMailbox);
    if (isInbox(internal) && !isAdmin) throw no("INBOX cannot be deleted", "CANNOT");
    if (session.selectedOrUndefined?.id === mailbox.id) {
      session.select(undefined);
      if (session.rev2) session.untagged("OK [CLOSED] The mailbox is being deleted");
    }
    await session.services.store.delete(mailbox.id);
  },
});

import { StoreError } from "../../store/errors.ts";
import { maySeeOwnRights, writeMyRights } from "../acl/my-rights.ts";
import { command } from "../command.ts";

/** MYRIGHTS: RFC 4314 §3.5. */
export const myrights = command({
  name: "MYRIGHTS",
  state: "authenticated",
  parse: (reader) => reader.sp().mailbox(),
  run(session, name) {
    const mailbox = session.services.store.mailboxes.get(session.internalName(name));
    const rights = session.rightsOn(mailbox);
    if (!maySeeOwnRights(rights)) throw new StoreError("mailbox_not_found", "mailbox does not exist");
    writeMyRights(session, name, rights);
  },
});

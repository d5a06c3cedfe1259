import { printRights, Right, rightsOf } from "../../store/acl.ts";
import { writeAstring } from "../codec/writer.ts";
import { command } from "../command.ts";

/** GETACL: RFC 4314 §3.3, answered by ACL (§3.6). Needs the right a. */
export const getacl = command({
  name: "GETACL",
  state: "authenticated",
  parse: (reader) => reader.sp().mailbox(),
  run(session, name) {
    const { acl } = session.mailbox(name, Right.administer);
    const { out } = session;
    out.ascii("* ACL ");
    session.writeMailboxName(name);
    for (const entry of acl) {
      out.ascii(" ");
      writeAstring(out, entry.identifier, session.utf8);
      out.ascii(` ${printRights(rightsOf(entry))}`);
    }
    out.ascii("\r\n");
  },
});

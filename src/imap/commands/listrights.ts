import { listableRights } from "../../store/access.ts";
import { Right } from "../../store/acl.ts";
import { readIdentifier } from "../acl/identifier.ts";
import { writeAstring } from "../codec/writer.ts";
import { command } from "../command.ts";

/** LISTRIGHTS: RFC 4314 §3.4 and §3.7. Every right can be given on its own; an owner always has "lkxan". */
export const listrights = command({
  name: "LISTRIGHTS",
  state: "authenticated",
  parse: (reader, session) => ({
    name: reader.sp().mailbox(),
    identifier: readIdentifier(reader.sp(), session),
  }),
  run(session, { name, identifier }) {
    const mailbox = session.mailbox(name, Right.administer);
    const [always = "", ...optional] = listableRights(mailbox.name, identifier);
    const { out } = session;
    out.ascii("* LISTRIGHTS ");
    session.writeMailboxName(name);
    out.ascii(" ");
    writeAstring(out, identifier, session.utf8);
    out.ascii(` ${always === "" ? '""' : always} ${optional.join(" ")}\r\n`);
  },
});

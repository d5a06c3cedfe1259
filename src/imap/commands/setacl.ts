/** SETACL: RFC 4314 §3.1; DELETEACL: §3.2. Both need the right a. */
import { setRights } from "../../store/access.ts";
import { Right } from "../../store/acl.ts";
import { readIdentifier } from "../acl/identifier.ts";
import { command } from "../command.ts";
import { bad, no } from "../refusal.ts";
import type { Session } from "../session.ts";

/** Entries of one list: every command on the mailbox looks at all of them. */
const MAX_ENTRIES = 1000;

export const setacl = command({
  name: "SETACL",
  state: "authenticated",
  parse: (reader, session) => ({
    name: reader.sp().mailbox(),
    identifier: readIdentifier(reader.sp(), session),
    change: reader.sp().astring(),
  }),
  run: (session, { name, identifier, change }) => changeRights(session, name, identifier, change),
});

export const deleteacl = command({
  name: "DELETEACL",
  state: "authenticated",
  parse: (reader, session) => ({
    name: reader.sp().mailbox(),
    identifier: readIdentifier(reader.sp(), session),
  }),
  run: (session, { name, identifier }) => changeRights(session, name, identifier, ""),
});

async function changeRights(
  session: Session,
  name: string,
  identifier: string,
  change: string,
): Promise<void> {
  const mailbox = session.mailbox(name, Right.administer);
  const acl = setRights(mailbox, session.accessor, identifier, change);
  // RFC 4314 §3.1: an unknown right is BAD, and nothing changes.
  if (acl === undefined) throw bad(`Unknown right in "${change}"`);
  if (acl.length > MAX_ENTRIES) throw no("Too many entries", "LIMIT");
  await session.services.store.setAcl(mailbox.id, acl);
}

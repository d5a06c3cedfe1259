/** The MYRIGHTS response (RFC 4314 §3.8), also for LIST RETURN (MYRIGHTS) (RFC 8440). */
import { printRights, Right, type Rights } from "../../store/acl.ts";
import type { Session } from "../session.ts";

/** Who has none of these may not even know that the mailbox exists: RFC 4314 §4, MYRIGHTS. */
const TELLING_RIGHTS: Rights =
  Right.lookup | Right.read | Right.insert | Right.createMailbox | Right.deleteMailbox | Right.administer;

export function maySeeOwnRights(rights: Rights): boolean {
  return (rights & TELLING_RIGHTS) !== 0;
}

export function writeMyRights(session: Session, external: string, rights: Rights): void {
  session.out.ascii("* MYRIGHTS ");
  session.writeMailboxName(external);
  session.out.ascii(` ${printRights(rights)}\r\n`);
}

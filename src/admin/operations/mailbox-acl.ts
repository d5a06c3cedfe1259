import { canonicalIdentifier, changeAcl } from "../../store/acl.ts";
import { AdminError } from "../failure.ts";
import { getMailbox } from "../mailbox-name.ts";
import type { Operation } from "../operation.ts";

/**
 * Shows the access control list; with an identifier it sets that entry first: `lrs` replaces, `+lrs` adds, `-lrs`
 * takes away, `none` removes (RFC 4314 §3.1).
 */
export const mailboxAcl: Operation = {
  name: "mailbox.acl",
  async run(node, fields) {
    const mailbox = getMailbox(node, fields.string("name"));
    const identifier = fields.findString("identifier");
    const rights = fields.findString("rights");
    fields.end();
    let acl = mailbox.acl;
    if (identifier !== undefined) {
      if (rights === undefined) throw new AdminError("argument_invalid", `argument "rights" is missing`);
      const canonical = canonicalIdentifier(identifier);
      if (canonical === undefined) {
        throw new AdminError("argument_invalid", `"${identifier}" is no identifier`, {
          next: "Name a user, group:NAME, anyone or anonymous, with a leading - for negative rights.",
        });
      }
      const changed = changeAcl(acl, canonical, rights === "none" ? "" : rights);
      if (changed === undefined) {
        throw new AdminError("argument_invalid", `"${rights}" has a letter that is no right`, {
          next: "Rights are the letters l r s w i p k x t e a n (RFC 4314) and 0-9, or none to remove the entry.",
        });
      }
      acl = changed;
      await node.store.setAcl(mailbox.id, acl);
    }
    return { name: mailbox.name, acl: acl.map((entry) => ({ ...entry })) };
  },
};

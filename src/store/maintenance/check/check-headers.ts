/** Names, ACLs and special uses of all mailboxes. */
import { parseRights } from "../../acl.ts";
import type { Mailbox } from "../../model.ts";
import { isDeletedName, nameFault, userOf } from "../../names.ts";
import { found, type Check, type RepairPlan } from "./finding.ts";

type Header = Pick<Mailbox, "id" | "name" | "acl" | "specialUse">;

export function* checkHeader(mailbox: Header, uses: Map<string, string>, plan: RepairPlan): Check {
  const { id, name } = mailbox;
  const fault = nameFault(name);
  if (fault !== undefined) {
    yield found({
      kind: "name_invalid",
      mailbox: name,
      text: `mailbox name ${JSON.stringify(name)}: ${fault}`,
    });
  }
  const good = mailbox.acl.filter(
    ({ identifier, rights }) => identifier !== "" && parseRights(rights) !== undefined,
  );
  if (good.length < mailbox.acl.length) {
    plan.acls.push({ mailbox: id, acl: good });
    const bad = mailbox.acl.filter((entry) => !good.includes(entry));
    yield found({
      kind: "acl_invalid",
      mailbox: name,
      text: `${name}: ACL entries are not valid: ${bad.map((entry) => `${entry.identifier} ${entry.rights}`).join(", ")}`,
      repair: "taken out",
    });
  }
  const owner = userOf(name);
  if (owner === "" || isDeletedName(name)) return;
  const kept = mailbox.specialUse.filter((use) => {
    const key = `${owner} ${use}`;
    if (uses.has(key)) return false;
    uses.set(key, name);
    return true;
  });
  if (kept.length === mailbox.specialUse.length) return;
  plan.specialUses.push({ mailbox: id, specialUse: kept });
  yield found({
    kind: "special_use_twice",
    mailbox: name,
    text: `${name}: \\${mailbox.specialUse.filter((use) => !kept.includes(use)).join(", \\")} is the use of another mailbox of ${owner}`,
    repair: "taken off here",
  });
}

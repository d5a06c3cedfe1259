import type { Mailbox } from "../../store/model.ts";
import { checkNewName, fromDeletedName } from "../../store/names.ts";
import type { NodeContext } from "../context.ts";
import { AdminError } from "../failure.ts";
import { parseMailboxName } from "../mailbox-name.ts";
import type { Operation } from "../operation.ts";

/** Brings a deleted mailbox back: by its DELETED name, or by the name it had (then the one deleted last). */
export const mailboxUndelete: Operation = {
  name: "mailbox.undelete",
  async run(node, fields) {
    const name = parseMailboxName(fields.string("name"), node.defaultDomain);
    const newName = fields.findString("newName");
    fields.end();
    const { mailbox, originalName } = findDeleted(node, name);
    const target = newName === undefined ? originalName : parseMailboxName(newName, node.defaultDomain);
    if (newName !== undefined) checkNewName(target);
    await node.store.rename(mailbox.id, target, { withChildren: false });
    return { name: target, deletedName: mailbox.name };
  },
};

function findDeleted(node: NodeContext, name: string): { mailbox: Mailbox; originalName: string } {
  const original = fromDeletedName(name);
  if (original !== undefined) return { mailbox: node.store.mailboxes.get(name), originalName: original.name };
  const start = name.indexOf("!") + 1;
  const prefix = `${name.slice(0, start)}DELETED.${name.slice(start)}.`;
  let last: Mailbox | undefined;
  let lastAtSeconds = -1;
  for (const mailbox of node.store.mailboxes.list(prefix)) {
    const deleted = fromDeletedName(mailbox.name);
    if (deleted?.name !== name || deleted.deletedAtSeconds <= lastAtSeconds) continue;
    last = mailbox;
    lastAtSeconds = deleted.deletedAtSeconds;
  }
  if (last !== undefined) return { mailbox: last, originalName: name };
  throw new AdminError("mailbox_not_deleted", `there is no deleted mailbox "${name}"`, {
    next: "See what can be brought back with: rookery mailbox list --deleted",
  });
}

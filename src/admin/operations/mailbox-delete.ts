import { getMailbox } from "../mailbox-name.ts";
import type { Operation } from "../operation.ts";

export const mailboxDelete: Operation = {
  name: "mailbox.delete",
  async run(node, fields) {
    const mailbox = getMailbox(node, fields.string("name"));
    const immediate = fields.findBoolean("immediate") ?? false;
    fields.end();
    await node.store.delete(mailbox.id, { immediate });
    return { name: mailbox.name, immediate };
  },
};

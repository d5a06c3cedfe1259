import { getMailbox, parseMailboxName } from "../mailbox-name.ts";
import type { Operation } from "../operation.ts";

export const mailboxRename: Operation = {
  name: "mailbox.rename",
  async run(node, fields) {
    const mailbox = getMailbox(node, fields.string("name"));
    const newName = parseMailboxName(fields.string("newName"), node.defaultDomain);
    const partition = fields.findString("partition");
    fields.end();
    await node.store.rename(mailbox.id, newName, {
      withChildren: true,
      ...(partition === undefined ? {} : { partition }),
    });
    return { name: newName };
  },
};

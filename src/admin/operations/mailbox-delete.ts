import { isInbox, userOf } from "../../store/names.ts";
import { AdminError } from "../failure.ts";
import { getMailbox } from "../mailbox-name.ts";
import type { Operation } from "../operation.ts";

export const mailboxDelete: Operation = {
  name: "mailbox.delete",
  async run(node, fields) {
    const mailbox = getMailbox(node, fields.string("name"));
    const immediate = fields.findBoolean("immediate") ?? false;
    const isForced = fields.findBoolean("force") ?? false;
    fields.end();
    if (isInbox(mailbox.name) && !isForced) {
      const user = userOf(mailbox.name);
      throw new AdminError("inbox_of_user", `${mailbox.name} is the INBOX of ${user}`, {
        next: `Delete the user with: rookery user delete ${user}; or the INBOX alone with --force.`,
      });
    }
    await node.store.delete(mailbox.id, { immediate });
    return { name: mailbox.name, immediate };
  },
};

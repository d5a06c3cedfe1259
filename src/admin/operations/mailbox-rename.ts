import { checkNewName, isInbox, userOf } from "../../store/names.ts";
import { AdminError } from "../failure.ts";
import { getMailbox, parseMailboxName } from "../mailbox-name.ts";
import type { Operation } from "../operation.ts";

export const mailboxRename: Operation = {
  name: "mailbox.rename",
  async run(node, fields) {
    const mailbox = getMailbox(node, fields.string("name"));
    const newName = parseMailboxName(fields.string("newName"), node.defaultDomain);
    const partition = fields.findString("partition");
    fields.end();
    if (newName !== mailbox.name) checkNewName(newName);
    // An INBOX alone would go where its user's login, subscriptions and scripts do not follow.
    if (isInbox(mailbox.name) && isInbox(newName) && newName !== mailbox.name) {
      const [user, newUser] = [userOf(mailbox.name), userOf(newName)];
      throw new AdminError("inbox_of_user", `${mailbox.name} is the INBOX of ${user}`, {
        next: `Rename the user with all that is his: rookery user rename ${user} ${newUser}`,
      });
    }
    await node.store.rename(mailbox.id, newName, {
      withChildren: true,
      ...(partition === undefined ? {} : { partition }),
    });
    return { name: newName };
  },
};

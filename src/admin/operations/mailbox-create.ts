import { checkNewName } from "../../store/names.ts";
import { parseMailboxName } from "../mailbox-name.ts";
import type { Operation } from "../operation.ts";

export const mailboxCreate: Operation = {
  name: "mailbox.create",
  async run(node, fields) {
    const name = parseMailboxName(fields.string("name"), node.defaultDomain);
    const partition = fields.findString("partition");
    const specialUse = fields.findStrings("specialUse");
    fields.end();
    checkNewName(name);
    const mailbox = await node.store.create(name, {
      ...(partition === undefined ? {} : { partition }),
      ...(specialUse === undefined ? {} : { specialUse: specialUse.map(bareSpecialUse) }),
    });
    return { name: mailbox.name, uniqueId: mailbox.uniqueId };
  },
};

/** `\Sent`, `Sent` → `sent`: the store's spelling. */
function bareSpecialUse(word: string): string {
  return word.replace(/^\\/, "").toLowerCase();
}

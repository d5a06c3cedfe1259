import type { Mailbox } from "../../store/model.ts";
import { inboxOf, isDeletedName } from "../../store/names.ts";
import type { NodeContext } from "../context.ts";
import { parseMailboxName } from "../mailbox-name.ts";
import type { Json, Operation } from "../operation.ts";

/** A full namespace is millions of names: the rows of this many are computed before the event loop gets its turn. */
const ROWS_A_TURN = 256;

export const mailboxList: Operation = {
  name: "mailbox.list",
  async run(node, fields, output) {
    const user = fields.findString("user");
    const prefix = fields.findString("prefix");
    const deleted = fields.findBoolean("deleted") ?? false;
    fields.end();
    let count = 0;
    for (const mailbox of node.store.mailboxes.list(await toPrefix(node, user, prefix, deleted))) {
      if (mailbox.intermediate || isDeletedName(mailbox.name) !== deleted) continue;
      await output.row(mailboxToJson(mailbox));
      count += 1;
      if (count % ROWS_A_TURN === 0) await new Promise((turn) => setImmediate(turn));
    }
    return { count };
  },
};

async function toPrefix(
  node: NodeContext,
  user: string | undefined,
  prefix: string | undefined,
  deleted: boolean,
): Promise<string> {
  if (user !== undefined) {
    const found = await node.directory.findUser(user);
    const inbox = inboxOf(found?.userId ?? user.toLowerCase());
    const domainEnd = inbox.indexOf("!") + 1;
    return deleted ? `${inbox.slice(0, domainEnd)}DELETED.${inbox.slice(domainEnd)}` : inbox;
  }
  return prefix === undefined ? "" : parseMailboxName(prefix, node.defaultDomain);
}

function mailboxToJson(mailbox: Mailbox): Json {
  return {
    name: mailbox.name,
    type: mailbox.type,
    partition: mailbox.partition,
    messages: mailbox.exists,
    unseen: mailbox.unseen,
    sizeBytes: mailbox.sizeBytes,
    specialUse: mailbox.specialUse,
    uniqueId: mailbox.uniqueId,
  };
}

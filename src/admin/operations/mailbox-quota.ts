import type { QuotaRoot } from "../../store/model.ts";
import { inboxOf } from "../../store/names.ts";
import type { NodeContext } from "../context.ts";
import { parseMailboxName } from "../mailbox-name.ts";
import type { Json, Operation } from "../operation.ts";

/** Shows the quota of a user or a mailbox; with limits it sets them first (null = no limit), `remove` drops the root. */
export const mailboxQuota: Operation = {
  name: "mailbox.quota",
  async run(node, fields) {
    const root = await toRoot(node, fields.string("name"));
    const storage = fields.findLimit("storageBytes");
    const messages = fields.findLimit("messages");
    const mailboxes = fields.findLimit("mailboxes");
    const remove = fields.findBoolean("remove") ?? false;
    fields.end();
    const { quotas } = node.store;
    if (remove) {
      await quotas.remove(root);
      return { root, removed: true };
    }
    if (storage !== undefined || messages !== undefined || mailboxes !== undefined) {
      await quotas.set(root, {
        ...(storage === undefined ? {} : { storageLimitBytes: storage ?? undefined }),
        ...(messages === undefined ? {} : { messageLimit: messages ?? undefined }),
        ...(mailboxes === undefined ? {} : { mailboxLimit: mailboxes ?? undefined }),
      });
    }
    const quota = quotas.get(root) ?? quotas.rootOf(root);
    return quota === undefined ? { root, limited: false } : quotaToJson(quota);
  },
};

/** A user's name means his INBOX; anything with a separator is a mailbox. */
async function toRoot(node: NodeContext, name: string): Promise<string> {
  const user = await node.directory.findUser(name);
  return user === undefined ? parseMailboxName(name, node.defaultDomain) : inboxOf(user.userId);
}

function quotaToJson(quota: QuotaRoot): Json {
  return {
    root: quota.root,
    limited: true,
    storageUsedBytes: quota.storageUsedBytes,
    storageLimitBytes: quota.storageLimitBytes ?? null,
    messagesUsed: quota.messagesUsed,
    messageLimit: quota.messageLimit ?? null,
    mailboxesUsed: quota.mailboxesUsed,
    mailboxLimit: quota.mailboxLimit ?? null,
  };
}

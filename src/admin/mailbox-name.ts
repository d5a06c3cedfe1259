import type { Mailbox, MailboxName } from "../store/model.ts";
import { encodeMutf7 } from "../store/mutf7.ts";
import { checkName, isDeletedName } from "../store/names.ts";
import { DEFAULT_NAMESPACE, Namespace } from "../store/namespace.ts";
import type { NodeContext } from "./context.ts";

/**
 * A mailbox as an administrator writes it: the internal name (`user.alice.Sent`, `example.org!user.bob`) or the form
 * with slashes (`user/alice/Sent`, `user/bob@example.org`), both in UTF-8.
 * @throws StoreError mailbox_name_invalid
 */
export function parseMailboxName(text: string, defaultDomain: string): MailboxName {
  if (text.includes("/")) {
    const viewer = { userId: "", isAdmin: true };
    return new Namespace(viewer, { ...DEFAULT_NAMESPACE, defaultDomain }).toInternal(text, "utf8");
  }
  // A name copied from `mailbox list` is in modified UTF-7 already and must stay as it is.
  const name = isAscii(text) ? text : encodeMutf7(text.normalize("NFC"));
  if (!isDeletedName(name)) checkName(name);
  return name;
}

/** @throws StoreError mailbox_name_invalid, mailbox_not_found */
export function getMailbox(node: NodeContext, text: string): Mailbox {
  return node.store.mailboxes.get(parseMailboxName(text, node.defaultDomain));
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

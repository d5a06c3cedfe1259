/**
 * The mail folders of a user: his own, and those of others that he subscribed to and may read. Own folders stand at the
 * top whatever the namespace of IMAP; a shared one below its nearest visible ancestor, else with its whole name.
 */
import { effectiveRights, isOwner } from "../../../store/access.ts";
import { Right, type Rights } from "../../../store/acl.ts";
import type { Mailbox, MailboxName } from "../../../store/model.ts";
import { Namespace } from "../../../store/namespace.ts";
import { decodeMutf7 } from "../../../store/mutf7.ts";
import { inboxOf, isDeletedName, segmentToText, userOf } from "../../../store/names.ts";
import type { Folder, FolderUse } from "../port.ts";
import type { LocalServices, LocalUser } from "./services.ts";

/** Folders of one user; a phone cannot show more. */
const MAX_FOLDERS = 20_000;
const READING: Rights = Right.lookup | Right.read;
const WRITING: Rights = Right.write | Right.insert;

/** By special use; where a user has no folder with it, by the usual name at the top. */
const USES: ReadonlyMap<string, FolderUse> = new Map([
  ["drafts", "drafts"],
  ["trash", "trash"],
  ["sent", "sent"],
  ["junk", "junk"],
  ["archive", "archive"],
]);
/** Mailboxes of other types are for their own protocols. */
const MAIL_TYPES: ReadonlySet<string> = new Set(["mail", "news"]);
const INBOX_NAME = "Inbox";

export function mayRead(mailbox: Mailbox, user: LocalUser): boolean {
  return (
    MAIL_TYPES.has(mailbox.type) &&
    !isDeletedName(mailbox.name) &&
    (effectiveRights(mailbox, user) & READING) === READING
  );
}

export function localFolders(services: LocalServices, user: LocalUser): Folder[] {
  const visible = visibleMailboxes(services, user);
  const keys = new Map<MailboxName, string>(visible.map(({ name, uniqueId }) => [name, uniqueId]));
  const uses = usesOf(visible, user);
  const namespace = new Namespace(user, services.namespace);
  return visible.map((mailbox) => {
    const { parent, label } = placeOf(mailbox.name, user, keys, namespace);
    return {
      key: mailbox.uniqueId,
      parentKey: parent === undefined ? undefined : keys.get(parent),
      name: label,
      use: uses.get(mailbox.uniqueId),
      class: "mail",
      writable: (effectiveRights(mailbox, user) & WRITING) === WRITING && !mailbox.intermediate,
    };
  });
}

/** Whose changes may change the tree: the user's own and those of the owners of what is shared with him. */
export function ownersIn(services: LocalServices, user: LocalUser): Set<string> {
  return new Set([user.userId, ...visibleMailboxes(services, user).map(({ name }) => userOf(name))]);
}

/** Parents before what is below them. */
function visibleMailboxes({ store }: LocalServices, user: LocalUser): Mailbox[] {
  const own: Mailbox[] = [];
  for (const mailbox of store.mailboxes.ofUser(user.userId)) {
    if (mayRead(mailbox, user) && own.push(mailbox) >= MAX_FOLDERS) return own;
  }
  const shared: Mailbox[] = [];
  for (const name of store.subscriptions.list(user.userId)) {
    if (isOwner(name, user.userId)) continue;
    const mailbox = store.mailboxes.find(name);
    if (mailbox !== undefined && mayRead(mailbox, user)) shared.push(mailbox);
    if (own.length + shared.length >= MAX_FOLDERS) break;
  }
  return [...own, ...shared.sort((a, b) => a.name.length - b.name.length)];
}

function usesOf(visible: readonly Mailbox[], user: LocalUser): Map<string, FolderUse> {
  const inbox = inboxOf(user.userId);
  const found = new Map<FolderUse, string>();
  const take = (use: FolderUse, key: string): void => {
    if (use !== undefined && !found.has(use)) found.set(use, key);
  };
  const own = visible.filter(({ name }) => isOwner(name, user.userId));
  for (const { name, uniqueId, specialUse } of own) {
    if (name === inbox) take("inbox", uniqueId);
    else for (const use of specialUse) take(USES.get(use), uniqueId);
  }
  const used = new Set(found.values());
  for (const { name, uniqueId } of own) {
    const top = name.startsWith(`${inbox}.`) ? name.slice(inbox.length + 1).toLowerCase() : "";
    if (!used.has(uniqueId)) take(USES.get(top), uniqueId);
  }
  return new Map([...found].map(([use, key]) => [key, use]));
}

function placeOf(
  name: MailboxName,
  user: LocalUser,
  keys: ReadonlyMap<MailboxName, string>,
  namespace: Namespace,
): { parent: MailboxName | undefined; label: string } {
  const inbox = inboxOf(user.userId);
  if (name === inbox) return { parent: undefined, label: INBOX_NAME };
  for (let end = name.lastIndexOf("."); end > 0; end = name.lastIndexOf(".", end - 1)) {
    const above = name.slice(0, end);
    if (above !== inbox && !keys.has(above)) continue;
    return { parent: above === inbox ? undefined : above, label: textOf(name.slice(end + 1)) };
  }
  return { parent: undefined, label: namespace.toExternal(name, "utf8") ?? textOf(name) };
}

/** Levels between a folder and its nearest visible ancestor become one name. */
function textOf(levels: string): string {
  return levels
    .split(".")
    .map((level) => {
      const text = segmentToText(level);
      return decodeMutf7(text) ?? text;
    })
    .join("/");
}

/** Folders that a device makes, renames, moves, deletes and empties. Rights as IMAP asks for them (RFC 4314 §4). */
import { isOwner, requireRights } from "../../../store/access.ts";
import { Right } from "../../../store/acl.ts";
import type { Mailbox, MailboxName } from "../../../store/model.ts";
import { encodeMutf7 } from "../../../store/mutf7.ts";
import { checkNewName, inboxOf, isBelow, textToSegment } from "../../../store/names.ts";
import { AccountError, type Folder, type FolderUse } from "../port.ts";
import { asAccount } from "./failure.ts";
import { localFolders, mayRead } from "./folder-tree.ts";
import type { LocalServices, LocalUser } from "./services.ts";

/** A device's account is broken without them: MS-ASCMD §2.2.1.3 and §2.2.1.7 have a status for that. */
const KEPT: ReadonlySet<FolderUse> = new Set(["inbox", "drafts", "trash", "sent"]);

export class FolderChanges {
  readonly #services: LocalServices;
  readonly #user: LocalUser;

  constructor(services: LocalServices, user: LocalUser) {
    this.#services = services;
    this.#user = user;
  }

  async create(parentKey: string | undefined, name: string): Promise<Folder> {
    return await asAccount(this.#create(parentKey, name));
  }

  async #create(parentKey: string | undefined, name: string): Promise<Folder> {
    const { store } = this.#services;
    const internal = this.#nameBelow(parentKey, name);
    const created = await store.create(internal, {});
    await store.subscriptions.set(this.#user.userId, internal, true);
    return this.#folder(created.uniqueId);
  }

  async rename(key: string, parentKey: string | undefined, name: string): Promise<void> {
    await asAccount(this.#rename(key, parentKey, name));
  }

  async #rename(key: string, parentKey: string | undefined, name: string): Promise<void> {
    const { store } = this.#services;
    const mailbox = this.#changeable(key);
    const newName = this.#nameBelow(parentKey, name);
    if (newName === mailbox.name) return;
    const subscribed = [...store.subscriptions.list(this.#user.userId)].filter(
      (other) => other === mailbox.name || isBelow(other, mailbox.name),
    );
    await store.rename(mailbox.id, newName, { withChildren: true });
    for (const old of subscribed) {
      await store.subscriptions.set(this.#user.userId, newName + old.slice(mailbox.name.length), true);
      await store.subscriptions.set(this.#user.userId, old, false);
    }
  }

  async delete(key: string): Promise<void> {
    const mailbox = this.#changeable(key);
    await asAccount(this.#deleteWithChildren(mailbox));
  }

  /** A device takes a folder away with all that is below it. */
  async #deleteWithChildren(top: Mailbox): Promise<void> {
    const below = [...this.#services.store.mailboxes.list(`${top.name}.`)];
    // Nothing is deleted when something may not be.
    for (const child of below) requireRights(child, this.#user, Right.deleteMailbox);
    for (const mailbox of [...below.reverse(), top]) {
      await this.#services.store.delete(mailbox.id);
      await this.#services.store.subscriptions.set(this.#user.userId, mailbox.name, false);
    }
  }

  async empty(key: string, options: { readonly withChildren: boolean }): Promise<void> {
    const mailbox = this.#readable(key);
    await asAccount(
      (async () => {
        requireRights(mailbox, this.#user, Right.deleteMessage | Right.expunge);
        await this.#services.store.expunge(mailbox.id, "all", { onlyDeleted: false }, this.#user.by);
        if (!options.withChildren) return;
        for (const child of this.#directChildren(mailbox)) await this.#deleteWithChildren(child);
      })(),
    );
  }

  #directChildren(mailbox: Mailbox): Mailbox[] {
    // Beside INBOX stand all other folders, which are below it in the store only.
    if (mailbox.name === inboxOf(this.#user.userId)) return [];
    const below = [...this.#services.store.mailboxes.list(`${mailbox.name}.`)];
    return below.filter((child) => !child.name.slice(mailbox.name.length + 1).includes("."));
  }

  #readable(key: string): Mailbox {
    const mailbox = this.#services.store.mailboxes.byUniqueId(key);
    if (mailbox === undefined || !mayRead(mailbox, this.#user)) {
      throw new AccountError("folder_missing", "the folder is not there");
    }
    return mailbox;
  }

  #changeable(key: string): Mailbox {
    const mailbox = this.#readable(key);
    const folder = this.#folder(key);
    if (KEPT.has(folder.use)) throw new AccountError("special_folder", `"${folder.name}" cannot be changed`);
    try {
      requireRights(mailbox, this.#user, Right.deleteMailbox);
    } catch (error) {
      throw new AccountError("permission_denied", "the right x is missing", { cause: error });
    }
    return mailbox;
  }

  #folder(key: string): Folder {
    const folder = localFolders(this.#services, this.#user).find((candidate) => candidate.key === key);
    if (folder === undefined) throw new AccountError("folder_missing", "the folder is not there");
    return folder;
  }

  /** @throws AccountError parent_missing, folder_name_invalid, permission_denied; StoreError mailbox_name_invalid */
  #nameBelow(parentKey: string | undefined, name: string): MailboxName {
    const { mailboxes } = this.#services.store;
    const { separator } = this.#services.namespace;
    const parent =
      parentKey === undefined ? mailboxes.get(inboxOf(this.#user.userId)) : mailboxes.byUniqueId(parentKey);
    if (parent === undefined || !mayRead(parent, this.#user)) {
      throw new AccountError("parent_missing", "the folder above is not there");
    }
    const trimmed = name.trim().normalize("NFC");
    // What IMAP could not name, or would name twice.
    if (trimmed === "" || trimmed.includes(separator) || trimmed.includes("/") || trimmed.includes("^")) {
      throw new AccountError("folder_name_invalid", `folder name ${JSON.stringify(name)} cannot be used`);
    }
    const isOwnTop = parentKey === undefined;
    if (isOwnTop && trimmed.toUpperCase() === "INBOX") {
      throw new AccountError("folder_exists", "there is one INBOX");
    }
    if (!isOwner(parent.name, this.#user.userId)) {
      try {
        requireRights(parent, this.#user, Right.createMailbox);
      } catch (error) {
        throw new AccountError("permission_denied", "the right k is missing", { cause: error });
      }
    }
    const internal = `${parent.name}.${textToSegment(encodeMutf7(trimmed))}`;
    checkNewName(internal);
    return internal;
  }
}

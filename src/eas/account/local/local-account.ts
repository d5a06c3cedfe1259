/** A user's account over the store of this node. */
import type { UserId } from "../../../store/model.ts";
import type { Unsubscribe } from "../../../store/port.ts";
import {
  type Account,
  AccountError,
  type DirectoryHits,
  type Folder,
  type FolderUse,
  type MailCollection,
  type MailHits,
  type MailQuery,
  type OutgoingMessage,
  type Vacation,
} from "../port.ts";
import { FolderChanges } from "./folder-changes.ts";
import { localFolders, mayRead, ownersIn } from "./folder-tree.ts";
import { LocalCollection } from "./mail-collection.ts";
import type { LocalMailActions, LocalServices, LocalUser } from "./services.ts";

export class LocalAccount implements Account {
  readonly #services: LocalServices;
  readonly #user: LocalUser;
  #actions: LocalMailActions | undefined;
  #changes: FolderChanges | undefined;

  constructor(services: LocalServices, user: LocalUser) {
    this.#services = services;
    this.#user = user;
  }

  get userId(): UserId {
    return this.#user.userId;
  }
  get displayName(): string {
    return this.#user.user.displayName;
  }
  get addresses(): readonly string[] {
    return this.#user.user.addresses;
  }

  // Folders.

  folders(): Promise<readonly Folder[]> {
    return Promise.resolve(localFolders(this.#services, this.#user));
  }
  createFolder(parentKey: string | undefined, name: string): Promise<Folder> {
    return this.#folderChanges().create(parentKey, name);
  }
  renameFolder(key: string, parentKey: string | undefined, name: string): Promise<void> {
    return this.#folderChanges().rename(key, parentKey, name);
  }
  deleteFolder(key: string): Promise<void> {
    return this.#folderChanges().delete(key);
  }
  emptyFolder(key: string, options: { readonly withChildren: boolean }): Promise<void> {
    return this.#folderChanges().empty(key, options);
  }
  #folderChanges(): FolderChanges {
    return (this.#changes ??= new FolderChanges(this.#services, this.#user));
  }

  /** Costs a look at the header; the messages are loaded when they are asked for. */
  openMail(key: string): Promise<MailCollection> {
    const { store, epochSuffix } = this.#services;
    const mailbox = store.mailboxes.byUniqueId(key);
    if (mailbox === undefined || !mayRead(mailbox, this.#user)) {
      return Promise.reject(new AccountError("folder_missing", "the folder is not there"));
    }
    const useOf = (): FolderUse =>
      localFolders(this.#services, this.#user).find((folder) => folder.key === key)?.use;
    return Promise.resolve(new LocalCollection(store, this.#user, mailbox, useOf, epochSuffix));
  }

  /** Resolves at once: a held request costs a few closures and nothing else. */
  watch(keys: readonly string[], listener: (key: string | undefined) => void): Promise<() => void> {
    const { store, tree } = this.#services;
    const stops: Unsubscribe[] = [];
    for (const key of keys) {
      const mailbox = store.mailboxes.byUniqueId(key);
      if (mailbox !== undefined) stops.push(store.onMailboxChange(mailbox.id, () => listener(key)));
    }
    stops.push(tree.watch(ownersIn(this.#services, this.#user), () => listener(undefined)));
    return Promise.resolve(() => {
      for (const stop of stops.splice(0)) stop();
    });
  }

  // Everything else.

  searchMail(query: MailQuery): Promise<MailHits> {
    return this.#mailActions().searchMail(query);
  }
  searchDirectory(query: string, limit: number): Promise<DirectoryHits> {
    return this.#mailActions().searchDirectory(query, limit);
  }
  photo(address: string, maxBytes: number): Promise<Buffer | "none" | "too_big"> {
    return this.#mailActions().photo(address, maxBytes);
  }
  send(message: OutgoingMessage): Promise<void> {
    return this.#mailActions().send(message);
  }
  vacation(): Promise<Vacation> {
    return this.#mailActions().vacation();
  }
  setVacation(vacation: Vacation): Promise<void> {
    return this.#mailActions().setVacation(vacation);
  }
  #mailActions(): LocalMailActions {
    return (this.#actions ??= this.#services.mailActions(this.#user));
  }

  /** Nothing is kept between calls. */
  release(): void {}
}

/**
 * Makes a user's mailboxes at first login or first delivery: INBOX, the special folders with their special use
 * (RFC 6154), subscriptions, quota. Each user once, also when a login and ten deliveries come together, and after a
 * crash half way: an annotation of the server stands while the work goes on, and what is missing is made then. A folder
 * that the user deletes later is not made again.
 */
import type { Log } from "../base/log.ts";
import { Lru } from "../base/lru.ts";
import type { Directory } from "../directory/port.ts";
import { StoreError } from "../store/errors.ts";
import type { MailboxName, UserId } from "../store/model.ts";
import { encodeMutf7 } from "../store/mutf7.ts";
import { inboxOf, textToSegment } from "../store/names.ts";
import type { Store } from "../store/port.ts";
import type { DeliverySettings } from "./options.ts";

/** Users known to be complete; others are asked about again, which costs one look into the index. */
const MAX_REMEMBERED_USERS = 100_000;
const PENDING_ENTRY = "/vendor/rookery/provisioning";

export interface ProvisionPorts {
  readonly store: Store;
  readonly directory: Directory;
  readonly settings: DeliverySettings;
  readonly log: Log;
}

export class Provision {
  readonly #ports: ProvisionPorts;
  readonly #running = new Map<UserId, Promise<boolean>>();
  readonly #complete = new Lru<UserId, true>({ maxEntries: MAX_REMEMBERED_USERS });

  constructor(ports: ProvisionPorts) {
    this.#ports = ports;
  }

  /**
   * True when the user's INBOX is there (now); false when it is not and autocreation is off.
   * @throws StoreError, AuthError unavailable
   */
  ensure(userId: UserId): Promise<boolean> {
    const inbox = inboxOf(userId);
    const exists = this.#ports.store.mailboxes.find(inbox)?.intermediate === false;
    if (exists && this.#complete.get(userId) === true) return Promise.resolve(true);
    const running = this.#running.get(userId);
    if (running !== undefined) return running;
    const work = this.#make(userId, inbox, exists).finally(() => this.#running.delete(userId));
    this.#running.set(userId, work);
    return work;
  }

  /** For a new account: where this node is a replica of the user, his mailboxes come from their master. */
  async prepare(userId: UserId): Promise<void> {
    try {
      await this.ensure(userId);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "read_only")) throw error;
    }
  }

  async #make(userId: UserId, inbox: MailboxName, exists: boolean): Promise<boolean> {
    const { store, settings, directory, log } = this.#ports;
    if (exists && !this.#isPending(userId)) {
      this.#complete.set(userId, true);
      return true;
    }
    if (!settings.autocreate) return exists;
    const user = await directory.findUser(userId);
    if (user === undefined) return false;
    await this.#setPending(userId, Buffer.from("1"));
    await this.#create(inbox, undefined);
    const limit = user.quotaBytes ?? settings.autocreateQuotaBytes;
    if (limit > 0 && store.quotas.get(inbox) === undefined) {
      await store.quotas.set(inbox, { storageLimitBytes: limit });
    }
    const folders = [...settings.autocreateFolders].map(([folder, specialUse]) => ({
      name: `${inbox}.${folder
        .split("/")
        .map((part) => textToSegment(encodeMutf7(part)))
        .join(".")}`,
      specialUse,
    }));
    await Promise.all(folders.map(({ name, specialUse }) => this.#create(name, specialUse)));
    await Promise.all(
      [inbox, ...folders.map(({ name }) => name)].map((name) => store.subscriptions.set(userId, name, true)),
    );
    await this.#setPending(userId, undefined);
    this.#complete.set(userId, true);
    log.info("mailboxes made", { user: userId, folders: folders.length + 1, quotaBytes: limit });
    return true;
  }

  async #create(name: MailboxName, specialUse: string | undefined): Promise<void> {
    if (this.#ports.store.mailboxes.find(name)?.intermediate === false) return;
    const use =
      specialUse === undefined || specialUse === "" ? {} : { specialUse: [specialUse.toLowerCase()] };
    try {
      await this.#ports.store.create(name, use);
    } catch (error) {
      // Somebody else (an administrator, a replica) was faster: as good.
      if (!(error instanceof StoreError && error.code === "mailbox_exists")) throw error;
    }
  }

  #isPending(userId: UserId): boolean {
    for (const annotation of this.#ports.store.annotations.list("", userId)) {
      if (annotation.entry === PENDING_ENTRY && annotation.userId === userId) return true;
    }
    return false;
  }

  async #setPending(userId: UserId, value: Buffer | undefined): Promise<void> {
    await this.#ports.store.annotations.set("", [{ entry: PENDING_ENTRY, userId, value }]);
  }
}

/**
 * Who may write: the ownership guard is asked before every commit, the authority before names or their rights change.
 * A replica's writes (`local`) ask neither: it owns nobody and takes what its master says.
 */
import type { Log } from "../base/log.ts";
import type { Catalog } from "./catalog.ts";
import type { Mailbox, MailboxId, MailboxName, UserId } from "./model.ts";
import { userOf } from "./names.ts";
import type { Authority, NameChange, OwnershipGuard, WriteOptions } from "./port.ts";

export class WriteGate {
  readonly #catalog: Catalog;
  readonly #guard: OwnershipGuard;
  readonly #authority: Authority;
  readonly #log: Log | undefined;

  constructor(options: {
    catalog: Catalog;
    guard: OwnershipGuard;
    authority: Authority;
    log: Log | undefined;
  }) {
    this.#catalog = options.catalog;
    this.#guard = options.guard;
    this.#authority = options.authority;
    this.#log = options.log;
  }

  /** @throws StoreError read_only */
  checkUser(user: UserId, { local }: WriteOptions = {}): void {
    if (local !== true) this.#guard.check(user);
  }

  /** @throws StoreError read_only */
  checkName(name: MailboxName, options: WriteOptions = {}): void {
    this.checkUser(userOf(name), options);
  }

  /** The owner of a mailbox answers for what hangs on it; a state whose mailbox is gone is its user's. */
  checkUniqueId(uniqueId: string, user: UserId, options: WriteOptions = {}): void {
    const mailbox = this.#catalog.byUniqueId(uniqueId);
    this.checkUser(mailbox === undefined ? user : userOf(mailbox.name), options);
  }

  /** The mailbox, when its owner may be written for. @throws StoreError mailbox_not_found, read_only */
  writable(id: MailboxId, options: WriteOptions = {}): Mailbox {
    const mailbox = this.#catalog.getById(id);
    this.checkName(mailbox.name, options);
    return mailbox;
  }

  /** Asks the authority for all names at once, commits, and tells it how that went. */
  async reserved<T>(
    changes: readonly NameChange[],
    options: WriteOptions,
    commit: () => Promise<T>,
  ): Promise<T> {
    if (options.local === true || changes.length === 0) return await commit();
    const reservation = await this.#authority.reserve(changes);
    let result: T;
    try {
      // Ownership may have gone while the authority was asked.
      for (const change of changes) this.checkName(change.name);
      result = await commit();
    } catch (error) {
      await reservation.release();
      throw error;
    }
    try {
      await reservation.activate();
    } catch (error) {
      // What is on disk stands; the authority compares the list when it is back.
      const { kind, name } = changes[0]!;
      this.#log?.warn("name change not activated", { kind, name, changes: changes.length, err: error });
    }
    return result;
  }
}

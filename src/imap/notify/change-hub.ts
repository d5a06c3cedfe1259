/**
 * One listener to the store's changes for all sessions that watch: says what each mailbox was before, which the feed
 * does not (its old name and rights), and wakes only those whom the change can concern.
 */
import type { Acl, MailboxId, MailboxName, UserId } from "../../store/model.ts";
import { parentOf } from "../../store/names.ts";
import type { FeedEntry, Store } from "../../store/port.ts";

export interface MailboxBefore {
  readonly name: MailboxName;
  readonly acl: Acl;
}

export interface Change {
  readonly entry: FeedEntry;
  /** Undefined for what is new, or was not known yet. */
  readonly before: MailboxBefore | undefined;
  /** A mailbox that only moved with one above it. */
  readonly movedAlong: boolean;
}

export interface Watcher {
  /** Only this user's mailboxes and settings can concern it; undefined = any. */
  readonly onlyUser: UserId | undefined;
  changed(change: Change): void;
}

const LEARN_BATCH = 512;

export class ChangeHub {
  readonly #store: Store;
  readonly #known = new Map<MailboxId, MailboxBefore>();
  readonly #ofUser = new Map<UserId, Set<Watcher>>();
  readonly #ofAny = new Set<Watcher>();
  #ready: Promise<void> | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Resolves when the hub knows every mailbox; changes are told from now on. */
  async add(watcher: Watcher): Promise<void> {
    const { onlyUser } = watcher;
    if (onlyUser === undefined) this.#ofAny.add(watcher);
    else {
      const watchers = this.#ofUser.get(onlyUser);
      if (watchers === undefined) this.#ofUser.set(onlyUser, new Set([watcher]));
      else watchers.add(watcher);
    }
    await (this.#ready ??= this.#learn());
  }

  remove(watcher: Watcher): void {
    const { onlyUser } = watcher;
    this.#ofAny.delete(watcher);
    if (onlyUser === undefined) return;
    const watchers = this.#ofUser.get(onlyUser);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#ofUser.delete(onlyUser);
  }

  /** Mailboxes as they are before anything is told about them. */
  async #learn(): Promise<void> {
    this.#store.onAnyChange((entries) => this.#follow(entries));
    let learned = 0;
    for (const { id, name, acl } of this.#store.mailboxes.list("")) {
      if (!this.#known.has(id)) this.#known.set(id, { name, acl });
      if (++learned % LEARN_BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #follow(entries: readonly FeedEntry[]): void {
    const moved = new Set<MailboxName>();
    for (const { kind, name } of entries) if (kind === "rename") moved.add(name);
    for (const entry of entries) {
      const before = this.#known.get(entry.mailbox);
      if (entry.mailbox !== 0) this.#remember(entry.mailbox);
      const change = {
        entry,
        before,
        movedAlong: entry.kind === "rename" && hasAncestorIn(entry.name, moved),
      };
      for (const watcher of this.#ofAny) watcher.changed(change);
      const watchers = this.#ofUser.get(entry.user);
      if (watchers !== undefined) for (const watcher of watchers) watcher.changed(change);
    }
  }

  #remember(id: MailboxId): void {
    const mailbox = this.#store.mailboxes.byId(id);
    if (mailbox === undefined) this.#known.delete(id);
    else {
      const known = this.#known.get(id);
      if (known?.name !== mailbox.name || known.acl !== mailbox.acl) {
        this.#known.set(id, { name: mailbox.name, acl: mailbox.acl });
      }
    }
  }
}

function hasAncestorIn(name: MailboxName, names: ReadonlySet<MailboxName>): boolean {
  for (let at = parentOf(name); at !== undefined; at = parentOf(at)) if (names.has(at)) return true;
  return false;
}

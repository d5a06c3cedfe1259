/**
 * Tells held requests that a folder tree may have changed. One listener on the store for all of them: what a commit costs
 * does not grow with the number of phones.
 */
import type { UserId } from "../../../store/model.ts";
import { userOf } from "../../../store/names.ts";
import type { FeedEntry, FeedKind, Store, Unsubscribe } from "../../../store/port.ts";

const TREE_KINDS: ReadonlySet<FeedKind> = new Set([
  "create",
  "delete",
  "rename",
  "acl",
  "subscription",
  "header",
]);

export class TreeWatch {
  readonly #listeners = new Map<UserId, Set<() => void>>();
  readonly #stop: Unsubscribe;

  constructor(store: Pick<Store, "onAnyChange">) {
    this.#stop = store.onAnyChange((entries) => this.#heard(entries));
  }

  /** Calls `listener` after changes to mailboxes of these owners ("" = the shared tree) or to their subscriptions. */
  watch(owners: Iterable<UserId>, listener: () => void): Unsubscribe {
    const own = (): void => listener();
    const watched = new Set(owners);
    for (const owner of watched) {
      const listeners = this.#listeners.get(owner) ?? new Set();
      this.#listeners.set(owner, listeners.add(own));
    }
    return () => {
      for (const owner of watched) {
        const listeners = this.#listeners.get(owner);
        listeners?.delete(own);
        if (listeners?.size === 0) this.#listeners.delete(owner);
      }
    };
  }

  #heard(entries: readonly FeedEntry[]): void {
    if (this.#listeners.size === 0) return;
    const called = new Set<() => void>();
    for (const { kind, user, name } of entries) {
      if (!TREE_KINDS.has(kind)) continue;
      for (const owner of [user, userOf(name)]) {
        for (const listener of this.#listeners.get(owner) ?? []) called.add(listener);
      }
    }
    for (const listener of called) listener();
  }

  close(): void {
    this.#stop();
    this.#listeners.clear();
  }
}

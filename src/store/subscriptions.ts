import type { CommitQueue } from "./commit-queue.ts";
import type { MailboxName, UserId } from "./model.ts";
import { nameOfSortKey, sortKey } from "./names.ts";
import type { Subscriptions, WriteOptions } from "./port.ts";
import type { ReadIndex } from "./read-index.ts";
import type { WriteGate } from "./write-gate.ts";

export class StoredSubscriptions implements Subscriptions {
  readonly #index: ReadIndex;
  readonly #queue: CommitQueue;
  readonly #gate: WriteGate;

  constructor(index: ReadIndex, queue: CommitQueue, gate: WriteGate) {
    this.#index = index;
    this.#queue = queue;
    this.#gate = gate;
  }

  list(user: UserId): MailboxName[] {
    const keys = this.#index.sql("SELECT key FROM subscriptions WHERE user_id = ? ORDER BY key").all(user);
    return (keys as { key: string }[]).map(({ key }) => nameOfSortKey(key));
  }

  has(user: UserId, name: MailboxName): boolean {
    const row = this.#index
      .sql("SELECT 1 FROM subscriptions WHERE user_id = ? AND key = ?")
      .get(user, sortKey(name));
    return row !== undefined;
  }

  async set(user: UserId, name: MailboxName, subscribed: boolean, options?: WriteOptions): Promise<void> {
    this.#gate.checkUser(user, options);
    await this.#queue.run("subscribe", { user, name, subscribed });
  }
}

/** The change feed and its durable followers. */
import type { Modseq } from "../base/numbers.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { Feed, FeedEntry, FeedFollower, FeedKind, Unsubscribe } from "./port.ts";
import type { ReadIndex } from "./read-index.ts";

interface FeedRow {
  readonly sequence: number;
  readonly kind: FeedKind;
  readonly mailbox: number;
  readonly unique_id: string;
  readonly name: string;
  readonly user: string;
  readonly modseq: number;
  readonly at_ms: number;
}

/** Entries read at a time at most. */
const MAX_READ = 10_000;

export class StoredFeed implements Feed {
  readonly #index: ReadIndex;
  readonly #queue: CommitQueue;
  readonly #listeners = new Set<() => void>();
  readonly #onListenerError: (error: unknown) => void;
  head: number;
  tail: number;

  constructor(index: ReadIndex, queue: CommitQueue, onListenerError: (error: unknown) => void) {
    this.#index = index;
    this.#queue = queue;
    this.#onListenerError = onListenerError;
    const meta = index.sql("SELECT value FROM meta WHERE name = ?");
    const value = (name: string) => (meta.get(name) as { value: number }).value;
    this.head = value("feed_head");
    this.tail = value("feed_tail");
  }

  read(after: number, limit: number): readonly FeedEntry[] {
    if (after >= this.head) return [];
    const rows = this.#index
      .sql("SELECT * FROM feed WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?")
      .all(after, this.head, Math.min(limit, MAX_READ)) as FeedRow[];
    return rows.map((row) => ({
      sequence: row.sequence,
      kind: row.kind,
      mailbox: row.mailbox,
      uniqueId: row.unique_id,
      name: row.name,
      user: row.user,
      modseq: row.modseq as Modseq,
      atMs: row.at_ms,
    }));
  }

  async follow(name: string, options: { fromStart?: boolean } = {}): Promise<FeedFollower> {
    const { position } = await this.#queue.run("follow", { name, fromStart: options.fromStart === true });
    return new Follower(this, this.#queue, name, position);
  }

  followers(): readonly { name: string; position: number }[] {
    return this.#index.sql("SELECT name, position FROM followers ORDER BY name").all() as {
      name: string;
      position: number;
    }[];
  }

  /** Shows a commit. */
  advanced(head: number, tail: number): void {
    const isNews = head > this.head;
    this.head = Math.max(head, this.head);
    this.tail = Math.max(tail, this.tail);
    if (!isNews) return;
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }

  onNews(listener: () => void): Unsubscribe {
    // Its own function, so that the same listener may be there twice.
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}

class Follower implements FeedFollower {
  readonly #feed: StoredFeed;
  readonly #queue: CommitQueue;
  readonly #name: string;
  #position: number;

  constructor(feed: StoredFeed, queue: CommitQueue, name: string, position: number) {
    this.#feed = feed;
    this.#queue = queue;
    this.#name = name;
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  get fellBehind(): boolean {
    return this.#position < this.#feed.tail - 1;
  }

  next(limit: number): readonly FeedEntry[] {
    return this.#feed.read(this.#position, limit);
  }

  async advance(sequence: number): Promise<void> {
    if (sequence <= this.#position) return;
    await this.#queue.run("advance", { name: this.#name, position: sequence });
    this.#position = Math.max(this.#position, sequence);
  }

  onNews(listener: () => void): Unsubscribe {
    return this.#feed.onNews(listener);
  }

  async remove(): Promise<void> {
    await this.#queue.run("unfollow", { name: this.#name });
  }
}

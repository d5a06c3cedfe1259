/**
 * The text index: follows the store's feed and answers text searches.
 *
 * Does: reads new messages some time after they came (INDEX_DELAY_MS, one small batch at a time), hands them to a worker
 * thread, keeps a durable position in the feed; searches by the worker's index and scans what it does not cover.
 * Promises: a message is findable as soon as it is in the store, indexed or not. Delivery never waits for it.
 * Does not: decide who may search (the caller does), search summaries (imap/ does that for dates and flags).
 */
import type { Clock } from "../base/io/clock.ts";
import type { Uid } from "../base/numbers.ts";
import type { Mailbox, MailboxId } from "../store/model.ts";
import type { FeedFollower } from "../store/port.ts";
import { fold } from "../mime/fold.ts";
import type { Candidates, IndexSource, TextQuery, TextSearch } from "./port.ts";
import { packBodies, type FoldedQuery } from "./worker-protocol.ts";
import { IndexWorker } from "./worker-client.ts";

/** Between news in the feed and reading it: a burst of deliveries becomes few batches. */
const INDEX_DELAY_MS = 1_000;
/** After failures (a full disk) the delay doubles up to this. */
const MAX_RETRY_DELAY_MS = 300_000;
/** Messages and bytes handed to the worker at once. */
const MAX_BATCH_MESSAGES = 512;
const MAX_BATCH_BYTES = 1024 * 1024;
const FEED_PAGE = 256;
/** A mailbox's segments are rewritten when they hold this many messages more than twice the live ones. */
const TRIM_SLACK = 1_000;

export interface TextIndexOptions {
  readonly source: IndexSource;
  readonly clock: Clock;
  /** Of the SQLite file; ":memory:" for none. */
  readonly path: string;
  /** Told of failures of the background work, which goes on with the next news. */
  readonly onError: (error: unknown) => void;
}

export class TextIndex implements TextSearch {
  readonly #source: IndexSource;
  readonly #clock: Clock;
  readonly #worker: IndexWorker;
  readonly #onError: (error: unknown) => void;
  #follower: FeedFollower | undefined;
  #stopNews: (() => void) | undefined;
  #working: Promise<void> | undefined;
  /** In a row. */
  #failures = 0;
  #timer: { cancel(): void } | undefined;
  #closed = false;
  readonly #built = { messages: 0, bytes: 0, ms: 0 };

  private constructor(options: TextIndexOptions) {
    this.#source = options.source;
    this.#clock = options.clock;
    this.#onError = options.onError;
    this.#worker = new IndexWorker(options.path);
  }

  /** Starts following; catching up goes on in the background (`caughtUp`). */
  static async open(options: TextIndexOptions): Promise<TextIndex> {
    const index = new TextIndex(options);
    const isNew = (await index.#worker.ask({ op: "mailboxes" })).length === 0;
    const follower = await options.source.feed.follow("text-index", { fromStart: true });
    index.#follower = follower;
    index.#stopNews = follower.onNews(() => index.#wakeLater());
    index.#start(isNew || follower.fellBehind);
    return index;
  }

  async search(mailbox: MailboxId, uids: readonly Uid[], query: TextQuery): Promise<ReadonlySet<Uid>> {
    const folded = foldQuery(query);
    const {
      uids: hits,
      exact,
      indexedTo,
    } = await this.#worker.ask({ op: "candidates", mailbox, query: folded });
    const found = new Set<Uid>();
    const doubtful: Uid[] = [];
    let at = 0;
    for (const uid of ascending(uids)) {
      while (at < hits.length && hits[at]! < uid) at++;
      if (uid > indexedTo) doubtful.push(uid);
      else if (hits[at] === uid) {
        if (exact) found.add(uid);
        else doubtful.push(uid);
      }
    }
    await this.#scan(mailbox, doubtful, folded, found);
    return found;
  }

  /** When the index fails it knows nothing: every message is scanned. */
  async candidates(mailbox: MailboxId, query: TextQuery): Promise<Candidates> {
    try {
      return await this.#worker.ask({ op: "candidates", mailbox, query: foldQuery(query) });
    } catch (error) {
      this.#onError(error);
      return { uids: new Uint32Array(0), exact: false, indexedTo: 0 };
    }
  }

  /** Entries of the feed that are not looked at yet. */
  get lagChanges(): number {
    return this.#source.feed.head - (this.#follower?.position ?? 0);
  }

  /** What was indexed since the start, and the time it took (reading included), for metrics and the report. */
  get built(): { readonly messages: number; readonly bytes: number; readonly ms: number } {
    return { ...this.#built };
  }

  /** Size of the index, for metrics and the report. */
  totals(): Promise<{ readonly segments: number; readonly messages: number; readonly sizeBytes: number }> {
    return this.#worker.ask({ op: "totals" });
  }

  /** Resolves when everything the feed holds now is indexed; does not wait for INDEX_DELAY_MS. */
  async caughtUp(): Promise<void> {
    await this.#working;
    this.#start(false);
    await this.#working;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopNews?.();
    this.#timer?.cancel();
    await this.#working;
    await this.#worker.close();
  }

  /** Reads `uids` and lets the worker look at them; while it looks at one batch the next is read. */
  async #scan(mailbox: MailboxId, uids: readonly Uid[], query: FoldedQuery, found: Set<Uid>): Promise<void> {
    let pending: Promise<void> | undefined;
    for await (const batch of this.#batches(mailbox, uids)) {
      await pending;
      const bodies = packBodies(batch.bodies);
      pending = this.#worker.ask({ op: "verify", bodies, query }, [bodies.bytes]).then((matched) => {
        for (let index = 0; index < matched.length; index++)
          if (matched[index] === 1) found.add(batch.uids[index]!);
      });
      // Awaited above or below; this only keeps a failure from being called unhandled meanwhile.
      pending.catch(() => {});
    }
    await pending;
  }

  async *#batches(
    mailbox: MailboxId,
    uids: readonly Uid[],
  ): AsyncIterable<{ uids: Uid[]; bodies: Buffer[] }> {
    if (uids.length === 0) return;
    let batch: { uids: Uid[]; bodies: Buffer[] } = { uids: [], bodies: [] };
    let size = 0;
    for await (const { uid, bytes } of this.#source.readBodies(mailbox, uids)) {
      batch.uids.push(uid);
      batch.bodies.push(bytes);
      size += bytes.length;
      if (size < MAX_BATCH_BYTES && batch.uids.length < MAX_BATCH_MESSAGES) continue;
      yield batch;
      batch = { uids: [], bodies: [] };
      size = 0;
    }
    if (batch.uids.length > 0) yield batch;
  }

  #wakeLater(): void {
    if (this.#closed || this.#timer !== undefined || this.#working !== undefined) return;
    const delayMs = Math.min(INDEX_DELAY_MS * 2 ** this.#failures, MAX_RETRY_DELAY_MS);
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#start(false);
    });
  }

  #start(inFull: boolean): void {
    if (this.#closed || this.#working !== undefined) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#working = this.#follow(inFull)
      .then(() => {
        this.#failures = 0;
      })
      .catch((error: unknown) => {
        this.#failures++;
        this.#onError(error);
      })
      .finally(() => {
        this.#working = undefined;
        // News that came while the last page was being worked on.
        if (this.#follower !== undefined && this.#follower.position < this.#source.feed.head)
          this.#wakeLater();
      });
  }

  async #follow(inFull: boolean): Promise<void> {
    const follower = this.#follower!;
    if (inFull || follower.fellBehind) {
      const head = this.#source.feed.head;
      await this.#compareAll();
      if (head > follower.position) await follower.advance(head);
    }
    for (;;) {
      const entries = follower.next(FEED_PAGE);
      const last = entries.at(-1);
      if (last === undefined || this.#closed) return;
      const touched = new Set<MailboxId>();
      const revived = new Set<MailboxId>();
      for (const { kind, mailbox } of entries) {
        if (
          kind === "append" ||
          kind === "revive" ||
          kind === "expunge" ||
          kind === "delete" ||
          kind === "create" ||
          kind === "header"
        ) {
          touched.add(mailbox);
        }
        if (kind === "revive") revived.add(mailbox);
      }
      // What comes below the last UID is in no segment any more, or never was: rare, so the mailbox is read anew.
      for (const mailbox of revived) await this.#worker.ask({ op: "drop", mailbox });
      for (const mailbox of touched) await this.#bringUpToDate(mailbox);
      if (this.#closed) return;
      await follower.advance(last.sequence);
      // The rest comes with later news: in a steady stream many messages at a time, not each by itself.
      if (entries.length < FEED_PAGE) return;
    }
  }

  /** Every mailbox of the store against the index; forgets mailboxes that are gone. */
  async #compareAll(): Promise<void> {
    const known = new Set(await this.#worker.ask({ op: "mailboxes" }));
    // The list is taken first: it may change while each mailbox is worked on.
    const ids: MailboxId[] = [];
    for (const mailbox of this.#source.mailboxes.list("")) if (isSearchable(mailbox)) ids.push(mailbox.id);
    for (const id of ids) {
      if (this.#closed) return;
      known.delete(id);
      await this.#bringUpToDate(id);
    }
    for (const mailbox of known) await this.#worker.ask({ op: "drop", mailbox });
  }

  async #bringUpToDate(id: MailboxId): Promise<void> {
    const mailbox = this.#source.mailboxes.byId(id);
    if (mailbox === undefined) {
      await this.#worker.ask({ op: "drop", mailbox: id });
      return;
    }
    if (!isSearchable(mailbox)) return;
    const { uidValidity } = mailbox;
    const { indexedTo, messages } = await this.#worker.ask({ op: "state", mailbox: id, uidValidity });
    if (mailbox.lastUid <= indexedTo && messages <= 2 * mailbox.exists + TRIM_SLACK) return;
    const view = await this.#source.open(id);
    let fresh: Uid[];
    let live: Uint32Array;
    try {
      const from = view.lowerBound(indexedTo + 1);
      fresh = Array.from(view.uids.subarray(from, view.count)) as Uid[];
      live = view.uids.slice(0, view.count);
    } finally {
      view.release();
    }
    if (messages > 2 * live.length + TRIM_SLACK) await this.#worker.ask({ op: "trim", mailbox: id, live });
    let startMs = this.#clock.monotonicMs();
    for await (const batch of this.#batches(id, fresh)) {
      if (this.#closed) return;
      const bodies = packBodies(batch.bodies);
      const indexedNow = batch.uids.at(-1)!;
      const size = bodies.bytes.byteLength;
      await this.#worker.ask(
        {
          op: "add",
          mailbox: id,
          uidValidity,
          uids: Uint32Array.from(batch.uids),
          bodies,
          indexedTo: indexedNow,
        },
        [bodies.bytes],
      );
      const nowMs = this.#clock.monotonicMs();
      this.#built.messages += batch.uids.length;
      this.#built.bytes += size;
      this.#built.ms += nowMs - startMs;
      startMs = nowMs;
    }
  }
}

/** Nearly always they are already, and sorting 100,000 would be felt on the session thread. */
function ascending(uids: readonly Uid[]): readonly Uid[] {
  for (let index = 1; index < uids.length; index++) {
    if (uids[index]! < uids[index - 1]!) return uids.toSorted((a, b) => a - b);
  }
  return uids;
}

/** Calendars and address books have their own search; Sieve scripts none. */
function isSearchable(mailbox: Mailbox): boolean {
  return mailbox.type === "mail" && !mailbox.intermediate;
}

function foldQuery(query: TextQuery): FoldedQuery {
  return {
    kind: query.kind,
    field: query.kind === "header" ? (query.field ?? "").toLowerCase() : "",
    value: fold(query.value),
  };
}

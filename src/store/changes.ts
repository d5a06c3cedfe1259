/** Shows commits to readers on the session thread: headers, views, seen states, feed; then wakes listeners. */
import type { Uid } from "../base/numbers.ts";
import type { Log } from "../base/log.ts";
import type { Catalog } from "./catalog.ts";
import type { StoredFeed } from "./feed.ts";
import type { KnownMailbox } from "./mailbox-row.ts";
import type { MailboxId } from "./model.ts";
import type { CommitDelta, CommitReport } from "./operations.ts";
import type { FeedEntry, MailboxDelta, Unsubscribe } from "./port.ts";
import type { StoredSeenStates } from "./seen-states.ts";
import type { Views } from "./views.ts";

type MailboxListener = (change: MailboxDelta) => void;

export interface Readers {
  readonly catalog: Catalog;
  readonly views: Views;
  readonly seen: StoredSeenStates;
  readonly feed: StoredFeed;
}

export class Changes {
  readonly #readers: Readers;
  readonly #log: Log | undefined;
  readonly #ofMailbox = new Map<MailboxId, Set<MailboxListener>>();
  readonly #ofAny = new Set<(entries: readonly FeedEntry[]) => void>();

  constructor(readers: Readers, log: Log | undefined) {
    this.#readers = readers;
    this.#log = log;
  }

  onMailboxChange(id: MailboxId, listener: MailboxListener): Unsubscribe {
    const own: MailboxListener = (change) => listener(change);
    let listeners = this.#ofMailbox.get(id);
    if (listeners === undefined) this.#ofMailbox.set(id, (listeners = new Set()));
    listeners.add(own);
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#ofMailbox.get(id) === listeners) this.#ofMailbox.delete(id);
    };
  }

  onAnyChange(listener: (entries: readonly FeedEntry[]) => void): Unsubscribe {
    const own = (entries: readonly FeedEntry[]) => listener(entries);
    this.#ofAny.add(own);
    return () => this.#ofAny.delete(own);
  }

  /** The promise is of views that are loaded anew. Listeners are woken when everything else shows the commit. */
  show(report: CommitReport): Promise<void> | undefined {
    const { catalog, views, seen, feed } = this.#readers;
    if (report.deltas.some((delta) => delta.deleted || delta.nameOrAclChanged)) seen.forgetAll();
    else seen.changed(report.seenChanged);
    const heard: { delta: CommitDelta; mailbox: KnownMailbox; listeners: Set<MailboxListener> }[] = [];
    const loading: Promise<void>[] = [];
    for (const delta of report.deltas) {
      const listeners = this.#ofMailbox.get(delta.id);
      const isFollowed = views.follows(delta.id);
      const before = views.peek(delta.id)?.mailbox;
      const mailbox = catalog.apply(delta, listeners !== undefined || isFollowed, before);
      if (mailbox === undefined) continue;
      const loaded = isFollowed ? views.apply(delta, mailbox) : undefined;
      if (loaded !== undefined) loading.push(loaded);
      if (listeners !== undefined) heard.push({ delta, mailbox, listeners });
    }
    for (const { delta, mailbox, listeners } of heard) {
      const change = toMailboxDelta(delta, mailbox);
      for (const listener of listeners) this.guard(() => listener(change));
    }
    feed.advanced(report.feedHead, report.feedTail);
    if (report.feed.length > 0) for (const listener of this.#ofAny) this.guard(() => listener(report.feed));
    return loading.length === 0 ? undefined : Promise.all(loading).then(() => {});
  }

  /** A listener's bug is not the committer's. */
  guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.listenerFailed(error);
    }
  }
  listenerFailed(error: unknown): void {
    this.#log?.error("listener failed", { err: error });
  }
}

function toMailboxDelta(delta: CommitDelta, mailbox: KnownMailbox): MailboxDelta {
  const { appended, changed, expunged, touched } = delta;
  const uids = (array: Uint32Array | undefined): Uid[] =>
    array === undefined ? [] : (Array.from(array) as Uid[]);
  const both = touched === undefined ? changed?.uids : Uint32Array.from(mergeUids(changed?.uids, touched));
  return {
    mailbox,
    appended: uids(appended?.hot.uids),
    changed: uids(both),
    expunged: uids(expunged?.uids),
    bySession: delta.bySession,
    nameOrAclChanged: delta.nameOrAclChanged,
    deleted: delta.deleted,
  };
}

function mergeUids(a: Uint32Array | undefined, b: Uint32Array): Uint32Array {
  return Uint32Array.from(new Set([...(a ?? []), ...b])).sort();
}

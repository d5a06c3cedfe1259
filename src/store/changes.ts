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
import { toUids } from "./writes.ts";

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
    const { seen, feed } = this.#readers;
    if (report.deltas.some((delta) => delta.deleted || delta.nameOrAclChanged)) seen.forgetAll();
    else seen.changed(report.seenChanged);
    const heard: { delta: CommitDelta; mailbox: KnownMailbox; listeners: Set<MailboxListener> }[] = [];
    const loading: Promise<void>[] = [];
    for (const delta of report.deltas) {
      const shown = this.#showDelta(delta);
      if (shown.loaded !== undefined) loading.push(shown.loaded);
      const listeners = this.#ofMailbox.get(delta.id);
      if (shown.mailbox !== undefined && listeners !== undefined) {
        heard.push({ delta, mailbox: shown.mailbox, listeners });
      }
    }
    for (const { delta, mailbox, listeners } of heard) {
      const change = toMailboxDelta(delta, mailbox);
      for (const listener of listeners) this.guard(() => listener(change));
    }
    feed.advanced(report.feedHead, report.feedTail);
    if (report.feed.length > 0) for (const listener of this.#ofAny) this.guard(() => listener(report.feed));
    return loading.length === 0 ? undefined : Promise.all(loading).then(() => {});
  }

  #showDelta(delta: CommitDelta): {
    readonly mailbox: KnownMailbox | undefined;
    readonly loaded: Promise<void> | undefined;
  } {
    const { catalog, views } = this.#readers;
    const isFollowed = views.follows(delta.id);
    try {
      const before = views.peek(delta.id)?.mailbox;
      const mailbox = catalog.apply(delta, this.#ofMailbox.has(delta.id) || isFollowed, before);
      const loaded = mailbox === undefined || !isFollowed ? undefined : views.apply(delta, mailbox);
      return { mailbox, loaded: loaded?.catch((error: unknown) => this.#showAnew(delta, error)) };
    } catch (error) {
      return { mailbox: undefined, loaded: this.#showAnew(delta, error) };
    }
  }

  /** The commit is on disk, only its delta could not be shown: everything of the mailbox is read from there again. */
  async #showAnew(delta: CommitDelta, cause: unknown): Promise<void> {
    const { catalog, views } = this.#readers;
    this.#log?.error("commit not shown, mailbox is read again", { mailbox: delta.id, err: cause });
    catalog.forget(delta.id);
    try {
      await views.reload(delta.id);
      const listeners = this.#ofMailbox.get(delta.id);
      const mailbox = listeners === undefined ? undefined : catalog.byId(delta.id);
      if (mailbox === undefined || listeners === undefined) return;
      const change = toMailboxDelta(delta, mailbox);
      for (const listener of listeners) this.guard(() => listener(change));
    } catch (error) {
      this.#log?.error("mailbox not read", { mailbox: delta.id, err: error });
    }
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
  const uids = (array: Uint32Array | undefined): Uid[] => (array === undefined ? [] : toUids(array));
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

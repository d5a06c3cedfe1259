/**
 * What one session asked NOTIFY to tell: collects changes, and tells them between commands, in IDLE, or at the end of
 * a command. What waits is bounded: a mailbox is told once however often it changed, and too many mailboxes end the
 * watch (RFC 5465 §5.8).
 */
import { Right } from "../../store/acl.ts";
import type { MailboxId, MailboxName, UserId } from "../../store/model.ts";
import { isDeletedName, parentOf, userOf } from "../../store/names.ts";
import type { MailboxDelta, Unsubscribe } from "../../store/port.ts";
import type { FetchItem } from "../fetch/item.ts";
import { newsOf } from "../search/news.ts";
import type { Session } from "../session.ts";
import { isMail } from "../visible.ts";
import type { MessageEvents, SessionWatch } from "../watch.ts";
import type { Change, Watcher } from "./change-hub.ts";
import { isOfSelected, type EventGroup, type EventName } from "./event-groups.ts";
import { covers, hasRights, WATCH_RIGHTS } from "./mailbox-filter.ts";
import { tellMetadata, tellName, tellStatus } from "./tell.ts";

/** Mailboxes with something to tell. */
const MAX_WAITING = 1024;

export class Watch implements SessionWatch, Watcher {
  readonly messageEvents: MessageEvents;
  readonly onlyUser: UserId | undefined;
  readonly #session: Session;
  readonly #groups: readonly EventGroup[];
  /** "selected-delayed": expunges wait for a command that may tell them. */
  readonly #delayed: boolean;
  readonly #fetches: readonly FetchItem[];
  /** Mailbox → whether flags changed too. */
  readonly #statuses = new Map<MailboxId, boolean>();
  /** Name → its name before; a mailbox that was created, deleted, renamed, subscribed … */
  readonly #names = new Map<MailboxName, MailboxName | undefined>();
  readonly #metadata = new Map<MailboxName, number>();
  #unfollow: Unsubscribe | undefined;
  #woken = false;
  #telling: Promise<void> | undefined;
  #stopped = false;

  constructor(session: Session, groups: readonly EventGroup[]) {
    this.#session = session;
    this.#groups = groups.filter((group) => !isOfSelected(group));
    const selected = groups.find(isOfSelected);
    this.#delayed = selected?.filter.kind === "selected-delayed";
    this.#fetches = selected?.fetches ?? [];
    this.messageEvents = {
      appended: selected?.events.has("MessageNew") === true,
      expunged: selected?.events.has("MessageExpunge") === true,
      changed: selected?.events.has("FlagChange") === true,
    };
    const own = this.#groups.every(
      ({ filter: { kind, names }, events }) =>
        !events.has("ServerMetadataChange") &&
        kind !== "subscribed" &&
        [...names].every((name) => userOf(name) === session.user),
    );
    this.onlyUser = own ? session.user : undefined;
  }

  async start(): Promise<void> {
    this.selectionChanged();
    if (this.#groups.length > 0) await this.#session.shared.changes.add(this);
  }

  stop(): void {
    this.#stopped = true;
    this.#unfollow?.();
    this.#unfollow = undefined;
    this.#session.shared.changes.remove(this);
    const selected = this.#session.selectedOrUndefined;
    if (selected !== undefined && this.#fetches.length > 0) newsOf(this.#session, selected).fetches = [];
  }

  selectionChanged(): void {
    this.#unfollow?.();
    this.#unfollow = undefined;
    const session = this.#session;
    const { selectedOrUndefined: selected } = session;
    const { appended, expunged, changed } = this.messageEvents;
    if (this.#stopped || selected === undefined || !(appended || expunged || changed)) return;
    if (this.#fetches.length > 0) newsOf(session, selected).fetches = this.#fetches;
    this.#unfollow = session.services.store.onMailboxChange(selected.id, (delta) =>
      this.#selectedChanged(delta),
    );
  }

  changed(change: Change): void {
    const { entry, before } = change;
    const { kind, mailbox: id, name } = entry;
    switch (kind) {
      case "append":
      case "expunge":
        if (this.#eventsOf(name).has("MessageNew")) this.#statuses.set(id, this.#statuses.get(id) ?? false);
        break;
      case "flags":
      case "seen":
        if (id !== 0 && this.#eventsOf(name).has("FlagChange")) this.#statuses.set(id, true);
        break;
      case "create":
      case "delete":
      case "rename":
        if (!change.movedAlong) this.#nameChanged(before?.name, name);
        break;
      case "acl":
        this.#rightsChanged(change);
        break;
      case "subscription":
        if (entry.user === this.#session.user && this.#eventsOf(name).has("SubscriptionChange"))
          this.#names.set(name, this.#names.get(name));
        break;
      case "annotation":
        if (id === 0 ? this.#has("ServerMetadataChange") : this.#eventsOf(name).has("MailboxMetadataChange"))
          this.#metadata.set(name, Math.min(this.#metadata.get(name) ?? Infinity, entry.modseq));
        break;
      case "header":
      case "quota":
        break;
    }
    if (this.#statuses.size + this.#names.size + this.#metadata.size > MAX_WAITING) this.#overflow();
    else this.#wake();
  }

  tell(): Promise<void> | undefined {
    if (this.#stopped || this.#statuses.size + this.#names.size + this.#metadata.size === 0) {
      return this.#telling;
    }
    const telling = (this.#telling ?? Promise.resolve()).then(() => this.#tellWaiting());
    this.#telling = telling;
    const done = (): void => {
      if (this.#telling === telling) this.#telling = undefined;
    };
    telling.then(done, done);
    return telling;
  }

  #selectedChanged(delta: MailboxDelta): void {
    const session = this.#session;
    const { selectedOrUndefined: selected } = session;
    if (selected === undefined) return;
    if (delta.bySession === session.id && this.#fetches.length > 0) {
      newsOf(session, selected).noteOwn(delta.appended);
    }
    this.#wake();
  }

  /** After whatever is going on now: one round tells all that came together. */
  #wake(): void {
    if (this.#woken || this.#stopped) return;
    this.#woken = true;
    setImmediate(() => {
      this.#woken = false;
      const session = this.#session;
      // The end of the command tells it.
      if (this.#stopped || session.ended || !session.isQuiet) return;
      if (session.isReaderSlow) {
        void session.pause()?.then(() => this.#wake());
        return;
      }
      const more = session.tellUpdates({ expunges: !this.#delayed });
      session.out.flush();
      more?.then(
        () => session.out.flush(),
        (error: unknown) => session.crash(error, "NOTIFY"),
      );
    });
  }

  async #tellWaiting(): Promise<void> {
    const session = this.#session;
    const names = [...this.#names];
    const statuses = [...this.#statuses];
    const metadata = [...this.#metadata];
    this.#names.clear();
    this.#statuses.clear();
    this.#metadata.clear();
    for (const [name, before] of names) {
      if (this.#stopped || session.ended) return;
      tellName(session, name, before);
      await session.pause();
    }
    for (const [id, flags] of statuses) {
      if (this.#stopped || session.ended) return;
      const mailbox = session.services.store.mailboxes.byId(id);
      // The selected mailbox has its own rules (RFC 5465 §3.1).
      if (mailbox === undefined || id === session.selectedOrUndefined?.id) continue;
      if (hasRights(session, mailbox, WATCH_RIGHTS)) await tellStatus(session, mailbox, { flags });
      await session.pause();
    }
    if (this.#stopped || session.ended) return;
    for (const [name, since] of metadata) tellMetadata(session, name, since);
  }

  /** Created, deleted or renamed: the mailbox and, but for a rename, the one above it (RFC 5465 §5.4). */
  #nameChanged(before: MailboxName | undefined, name: MailboxName): void {
    const was = before !== undefined && !isDeletedName(before) ? before : undefined;
    const isGone = isDeletedName(name) || this.#session.services.store.mailboxes.find(name) === undefined;
    const now = isGone ? (was ?? name) : name;
    const renamed = !isGone && was !== undefined && was !== name;
    const told = (one: MailboxName): boolean => !isDeletedName(one) && this.#eventsOf(one).has("MailboxName");
    if (told(now) || (renamed && told(was))) this.#names.set(now, renamed ? was : this.#names.get(now));
    const parent = renamed ? undefined : parentOf(now);
    if (parent !== undefined && told(parent)) this.#names.set(parent, this.#names.get(parent));
  }

  /** Gaining or losing the right l is as if the mailbox came or went (RFC 5465 §5.4, §5.9). */
  #rightsChanged({ entry: { mailbox: id, name }, before }: Change): void {
    const mailbox = this.#session.services.store.mailboxes.byId(id);
    if (mailbox === undefined || before === undefined || !isMail(mailbox)) return;
    const could = hasRights(this.#session, before, Right.lookup);
    const can = hasRights(this.#session, mailbox, Right.lookup);
    if (could === can) return;
    const events = this.#eventsOf(name);
    if (events.has("MailboxName") || (could && events.size > 0)) this.#names.set(name, undefined);
  }

  #eventsOf(name: MailboxName): ReadonlySet<EventName> {
    const events = new Set<EventName>();
    for (const group of this.#groups) {
      if (covers(this.#session, group.filter, name)) for (const event of group.events) events.add(event);
    }
    return events;
  }

  #has(event: EventName): boolean {
    return this.#groups.some(({ events }) => events.has(event));
  }

  /** As if NOTIFY NONE had come (RFC 5465 §5.8). */
  #overflow(): void {
    const session = this.#session;
    this.stop();
    session.watch = new Watch(session, []);
    session.untagged("OK [NOTIFICATIONOVERFLOW] Too much is going on; notifications are off");
    if (session.isQuiet) session.out.flush();
  }
}

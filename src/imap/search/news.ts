/**
 * Follows the selected mailbox for search contexts (RFC 5267) and for NOTIFY's FETCH of new messages (RFC 5465 §5.2).
 *
 * Order of what is told: EXISTS and flags first, then FETCH of new messages, then ESEARCH (RFC 5465 §5.1, §7).
 * Reading messages takes time, so news wait in a line and are told one after the other; the tagged answer of the
 * command they came with waits for them.
 */
import type { Uid } from "../../base/numbers.ts";
import { quoted } from "../codec/writer.ts";
import { writeFetch } from "../fetch/engine.ts";
import type { FetchItem } from "../fetch/item.ts";
import type { Selected, UpdateFollower } from "../selected.ts";
import type { Session } from "../session.ts";
import { SearchContext, type ContextChange, type ContextSpec } from "./context.ts";

/** Contexts of one session that are kept up to date (RFC 5267 §4.3.1). */
const MAX_CONTEXTS = 32;

export class News implements UpdateFollower {
  /** What NOTIFY wants of new messages that came from elsewhere. */
  fetches: readonly FetchItem[] = [];
  readonly #session: Session;
  readonly #selected: Selected;
  readonly #contexts = new Map<string, SearchContext>();
  /** Messages this session made by itself: not fetched for NOTIFY. */
  readonly #own = new Set<number>();
  #working: Promise<void> | undefined;

  constructor(session: Session, selected: Selected) {
    this.#session = session;
    this.#selected = selected;
  }

  has(tag: string): boolean {
    return this.#contexts.has(tag);
  }

  follow(spec: ContextSpec, uids: readonly number[]): void {
    if (this.#contexts.size >= MAX_CONTEXTS) {
      this.#session.untagged(`NO [NOUPDATE ${quoted(spec.tag)}] Too many contexts`);
      return;
    }
    this.#contexts.set(spec.tag, new SearchContext(this.#session, this.#selected, spec, uids));
  }

  /** CANCELUPDATE; false when there is no such context. */
  forget(tag: string): boolean {
    return this.#contexts.delete(tag);
  }

  noteOwn(uids: readonly number[]): void {
    if (this.fetches.length > 0) for (const uid of uids) this.#own.add(uid);
  }

  expunging(uids: readonly number[]): void {
    for (const context of this.#contexts.values()) context.remove(uids);
    for (const uid of uids) this.#own.delete(uid);
  }

  told(appended: readonly Uid[], changed: readonly Uid[]): Promise<void> | undefined {
    const wanted =
      this.#contexts.size > 0
        ? appended.length + changed.length > 0
        : appended.length > 0 && this.fetches.length > 0;
    if (!wanted) return this.#working;
    const work = (this.#working ?? Promise.resolve()).then(() => this.#tell(appended, changed));
    this.#working = work;
    const done = (): void => {
      if (this.#working === work) this.#working = undefined;
    };
    work.then(done, done);
    return work;
  }

  async #tell(appended: readonly Uid[], changed: readonly Uid[]): Promise<void> {
    const uids = [...changed, ...appended].sort((a, b) => a - b);
    const changes: [SearchContext, ContextChange][] = [];
    for (const context of this.#contexts.values()) changes.push([context, await context.judge(uids)]);
    for (const uid of appended) await this.#fetch(uid, changes);
    for (const [context, { added, removed }] of changes) {
      if (this.#left || !this.#contexts.has(context.spec.tag)) continue;
      context.remove(removed);
      await context.add(added);
    }
  }

  /** What NOTIFY and all the contexts want of one new message, in one response (RFC 5465 §5.2). */
  async #fetch(uid: Uid, changes: readonly [SearchContext, ContextChange][]): Promise<void> {
    if (this.#own.delete(uid)) return;
    const items = new Set(this.fetches);
    for (const [{ spec }, { added }] of changes) {
      if (added.includes(uid)) for (const item of spec.fetches) items.add(item);
    }
    if (items.size > 0 && !this.#left) await writeFetch(this.#session, [uid], [...items]);
  }

  /** Another mailbox is selected meanwhile, or none. */
  get #left(): boolean {
    return this.#session.ended || this.#session.selectedOrUndefined !== this.#selected;
  }
}

/** Of the selected mailbox, made when it is first needed. */
export function newsOf(session: Session, selected: Selected): News {
  const { follower } = selected;
  if (follower instanceof News) return follower;
  const news = new News(session, selected);
  selected.follower = news;
  return news;
}

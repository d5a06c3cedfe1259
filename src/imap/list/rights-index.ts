/**
 * Which mailboxes an identifier that is not their owner has an entry for, so that LIST of other users' and shared
 * mailboxes looks at those and not at every mailbox there is (Cyrus has RACLs for this).
 *
 * Built at the first question in slices, kept by what commits tell. It only finds candidates: rights are always
 * checked on the mailbox itself.
 */
import type { Clock } from "../../base/io/clock.ts";
import type { Mailbox, MailboxId } from "../../store/model.ts";
import { compareNames, isDeletedName, userOf } from "../../store/names.ts";
import type { FeedEntry, FeedKind, Store } from "../../store/port.ts";

/** The longest stretch of building before others get a turn. */
const SLICE_MS = 5;
const CHECK_EVERY = 64;

const CHANGES_RIGHTS: ReadonlySet<FeedKind> = new Set(["create", "delete", "rename", "acl"]);

export class RightsIndex {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #idsOf = new Map<string, Set<MailboxId>>();
  readonly #identifiersOf = new Map<MailboxId, readonly string[]>();
  #ready: Promise<void> | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Mailboxes with an entry for one of the identifiers, in the store's order. */
  async candidates(identifiers: readonly string[]): Promise<Mailbox[]> {
    await (this.#ready ??= this.#build());
    const ids = new Set<MailboxId>();
    for (const identifier of identifiers) for (const id of this.#idsOf.get(identifier) ?? []) ids.add(id);
    const found: Mailbox[] = [];
    for (const id of ids) {
      const mailbox = this.#store.mailboxes.byId(id);
      if (mailbox !== undefined) found.push(mailbox);
    }
    return found.sort((a, b) => compareNames(a.name, b.name));
  }

  async #build(): Promise<void> {
    // Listens first: what changes during the walk is put right afterwards.
    this.#store.onAnyChange((entries) => this.#follow(entries));
    let startMs = this.#clock.monotonicMs();
    let looked = 0;
    for (const mailbox of this.#store.mailboxes.list("")) {
      this.#put(mailbox);
      if (++looked % CHECK_EVERY !== 0 || this.#clock.monotonicMs() - startMs < SLICE_MS) continue;
      await new Promise((resolve) => setImmediate(resolve));
      startMs = this.#clock.monotonicMs();
    }
  }

  #follow(entries: readonly FeedEntry[]): void {
    for (const { kind, mailbox: id } of entries) {
      if (!CHANGES_RIGHTS.has(kind)) continue;
      this.#remove(id);
      const mailbox = this.#store.mailboxes.byId(id);
      if (mailbox !== undefined) this.#put(mailbox);
    }
  }

  #put({ id, name, acl }: Mailbox): void {
    this.#remove(id);
    if (isDeletedName(name)) return;
    const owner = userOf(name);
    const identifiers = acl
      .map(({ identifier }) => identifier)
      .filter((identifier) => identifier !== owner && !identifier.startsWith("-"));
    if (identifiers.length === 0) return;
    this.#identifiersOf.set(id, identifiers);
    for (const identifier of identifiers) {
      const ids = this.#idsOf.get(identifier);
      if (ids === undefined) this.#idsOf.set(identifier, new Set([id]));
      else ids.add(id);
    }
  }

  #remove(id: MailboxId): void {
    for (const identifier of this.#identifiersOf.get(id) ?? []) {
      const ids = this.#idsOf.get(identifier);
      ids?.delete(id);
      if (ids?.size === 0) this.#idsOf.delete(identifier);
    }
    this.#identifiersOf.delete(id);
  }
}

/** One for all sessions of a store. */
const INDEXES = new WeakMap<Store, RightsIndex>();

export function rightsIndexOf(store: Store, clock: Clock): RightsIndex {
  const known = INDEXES.get(store);
  if (known !== undefined) return known;
  const index = new RightsIndex(store, clock);
  INDEXES.set(store, index);
  return index;
}

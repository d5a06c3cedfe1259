/** filter-mailboxes: which mailboxes NOTIFY watches (RFC 5465 §6) and ESEARCH searches (RFC 7377 §2.2). */
import { effectiveRights } from "../../store/access.ts";
import { StoreError } from "../../store/errors.ts";
import { Right, type Rights } from "../../store/acl.ts";
import type { Mailbox, MailboxName } from "../../store/model.ts";
import { inboxOf, isBelow, isDeletedName, parentOf, userOf } from "../../store/names.ts";
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";
import type { Session } from "../session.ts";
import { isSelectable } from "../visible.ts";

/** Names in one filter. */
const MAX_NAMES = 1000;

const WITHOUT_NAMES = ["selected", "selected-delayed", "inboxes", "personal", "subscribed"] as const;
const WITH_NAMES = ["subtree", "subtree-one", "mailboxes"] as const;
export type FilterKind = (typeof WITHOUT_NAMES)[number] | (typeof WITH_NAMES)[number];

export interface MailboxFilter {
  readonly kind: FilterKind;
  /** Internal names of "subtree", "subtree-one" and "mailboxes". */
  readonly names: ReadonlySet<MailboxName>;
}

/** filter-mailboxes, of the kinds that are allowed here; one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")". */
export function readMailboxFilter(
  reader: Reader,
  session: Session,
  allowed: (kind: FilterKind) => boolean,
): MailboxFilter {
  const word = reader.keyword().toLowerCase();
  const isWord = (kind: FilterKind): boolean => kind === word && allowed(kind);
  const plain = WITHOUT_NAMES.find(isWord);
  if (plain !== undefined) return { kind: plain, names: new Set() };
  const kind = WITH_NAMES.find(isWord);
  if (kind === undefined) throw bad(`Unknown mailbox filter "${word}"`);
  const external = reader.sp().peekIs("(") ? reader.list((inner) => inner.mailbox()) : [reader.mailbox()];
  if (external.length === 0 || external.length > MAX_NAMES) throw bad("Too many or no mailboxes", "LIMIT");
  const names = new Set<MailboxName>();
  for (const name of external) {
    const internal = internalName(session, name);
    if (internal !== undefined) names.add(internal);
  }
  return { kind, names };
}

/** What is no name of a mailbox names none: it is passed over (RFC 5465 §3.1). */
function internalName(session: Session, name: string): MailboxName | undefined {
  try {
    return session.internalName(name);
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

/** Every mailbox of the user can get mail (plus-addresses, scripts), so "inboxes" are all his own (RFC 5465 §6.3). */
export function covers(session: Session, { kind, names }: MailboxFilter, name: MailboxName): boolean {
  switch (kind) {
    case "selected":
    case "selected-delayed":
      return false;
    case "inboxes":
    case "personal":
      return userOf(name) === session.user && !isDeletedName(name);
    case "subscribed":
      return session.services.store.subscriptions.has(session.user, name);
    case "mailboxes":
      return names.has(name);
    case "subtree":
      return names.has(name) || [...names].some((top) => isBelow(name, top));
    case "subtree-one":
      return names.has(name) || names.has(parentOf(name) ?? "");
    default:
      return kind satisfies never;
  }
}

/** Selectable mailboxes it covers, in the store's order within each name; rights are the caller's business. */
export function* coveredMailboxes(session: Session, filter: MailboxFilter): Generator<Mailbox> {
  const { mailboxes, subscriptions } = session.services.store;
  const { kind, names } = filter;
  let starts: Iterable<MailboxName> = names;
  if (kind === "inboxes" || kind === "personal") starts = [inboxOf(session.user)];
  else if (kind === "subscribed") starts = Array.from(subscriptions.list(session.user));
  const exact = kind === "mailboxes" || kind === "subscribed";
  for (const start of starts) {
    const one = exact ? mailboxes.find(start) : undefined;
    const found = exact ? (one === undefined ? [] : [one]) : Array.from(mailboxes.list(start));
    for (const mailbox of found) {
      if (isSelectable(mailbox) && !isDeletedName(mailbox.name) && covers(session, filter, mailbox.name))
        yield mailbox;
    }
  }
}

export function hasRights(session: Session, mailbox: Pick<Mailbox, "name" | "acl">, needed: Rights): boolean {
  return (effectiveRights(mailbox, session.accessor) & needed) === needed;
}

/** RFC 5465 §5: every event needs both. */
export const WATCH_RIGHTS: Rights = Right.lookup | Right.read;

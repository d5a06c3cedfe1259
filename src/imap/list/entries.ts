/** Which names a LIST shows and what each of them is: RFC 9051 §6.3.9 (LIST-EXTENDED, RFC 5258). */
import { Right } from "../../store/acl.ts";
import { compileListPattern, type ListPattern } from "../../store/list-pattern.ts";
import type { Mailbox, MailboxName } from "../../store/model.ts";
import { inboxOf, isBelow } from "../../store/names.ts";
import type { Session } from "../session.ts";
import { isVisible } from "../visible.ts";
import { printedUse, usesShownTo } from "./special-use.ts";

/** One line of the answer. */
export interface ListEntry {
  readonly external: string;
  readonly name: MailboxName | undefined;
  /** Undefined for a level that only has mailboxes below it, or a subscription whose mailbox is gone. */
  readonly mailbox: Mailbox | undefined;
  subscribed: boolean;
  hasChildren: boolean;
  /** The pattern matched it; false when it is there only because of a subscription below (RECURSIVEMATCH). */
  matched: boolean;
  /** RFC 5258 §3.5: something below it meets the selection options. */
  childInfo: boolean;
}

/** A session looks at so many mailboxes before others get a turn. */
const CHECK_EVERY = 128;

/** Every mailbox the user may see whose name a pattern could match, with `%`'s missing levels, in the store's order. */
export async function listEntries(session: Session, patterns: readonly string[]): Promise<ListEntry[]> {
  const compiled = patterns.map((pattern) => compileListPattern(pattern, session.namespace.separator));
  const entries = new Map<string, ListEntry>();
  const levels = new Set<string>();
  let looked = 0;
  for (const mailbox of reachable(session, compiled)) {
    if (++looked % CHECK_EVERY === 0) {
      const pause = session.pause();
      if (pause !== undefined) await pause;
      if (session.ended) break;
    }
    if (!isVisible(session, mailbox)) continue;
    const external = session.externalName(mailbox.name);
    if (external === undefined) continue;
    for (const pattern of compiled)
      for (const level of pattern.matchingAncestors(external)) levels.add(level);
    if (!compiled.some((pattern) => pattern.matches(external))) continue;
    entries.set(external, {
      external,
      name: mailbox.name,
      mailbox,
      subscribed: false,
      hasChildren: session.services.store.mailboxes.hasChildren(mailbox.name),
      matched: true,
      childInfo: false,
    });
  }
  for (const level of levels)
    if (!entries.has(level)) entries.set(level, missingEntry(level, undefined, true));
  return [...entries.values()];
}

/** The user's subscriptions that match, and the levels above deeper ones. */
export function subscribedEntries(session: Session, patterns: readonly string[]): ListEntry[] {
  const compiled = patterns.map((pattern) => compileListPattern(pattern, session.namespace.separator));
  const { mailboxes, subscriptions } = session.services.store;
  const entries = new Map<string, ListEntry>();
  const levels = new Set<string>();
  for (const name of subscriptions.list(session.user)) {
    const external = session.externalName(name);
    if (external === undefined) continue;
    for (const pattern of compiled)
      for (const level of pattern.matchingAncestors(external)) levels.add(level);
    if (!compiled.some((pattern) => pattern.matches(external))) continue;
    const found = mailboxes.find(name);
    const mailbox = found !== undefined && isVisible(session, found) ? found : undefined;
    const hasChildren = mailbox !== undefined && mailboxes.hasChildren(name);
    entries.set(external, { ...missingEntry(external, name, hasChildren), mailbox, subscribed: true });
  }
  for (const level of levels) {
    const entry = entries.get(level);
    if (entry !== undefined) {
      entry.childInfo = true;
      continue;
    }
    const name = tryInternal(session, level);
    const found = name === undefined ? undefined : mailboxes.find(name);
    const mailbox = found !== undefined && isVisible(session, found) ? found : undefined;
    entries.set(level, { ...missingEntry(level, name, true), mailbox, matched: false, childInfo: true });
  }
  return [...entries.values()].sort((a, b) => (a.external < b.external ? -1 : 1));
}

function missingEntry(external: string, name: MailboxName | undefined, hasChildren: boolean): ListEntry {
  return {
    external,
    name,
    mailbox: undefined,
    subscribed: false,
    hasChildren,
    matched: true,
    childInfo: false,
  };
}

function tryInternal(session: Session, external: string): MailboxName | undefined {
  try {
    return session.internalName(external);
  } catch {
    return undefined;
  }
}

/** The user's own mailboxes first; the others only when a pattern can match one of their names. */
function* reachable(session: Session, patterns: readonly ListPattern[]): Generator<Mailbox> {
  const { mailboxes } = session.services.store;
  const inbox = inboxOf(session.user);
  const isOwn = (name: MailboxName): boolean => name === inbox || isBelow(name, inbox);
  // Read at once: others may change the catalog while this one waits.
  for (const mailbox of Array.from(mailboxes.list(inbox))) if (isOwn(mailbox.name)) yield mailbox;
  const { otherUsers, shared } = session.namespace.prefixes();
  const mayMatch = ({ literalPrefix }: ListPattern): boolean =>
    [otherUsers, shared].some(
      (prefix) => prefix.startsWith(literalPrefix) || literalPrefix.startsWith(prefix),
    );
  if (!session.accessor.isAdmin && !patterns.some(mayMatch)) return;
  for (const mailbox of Array.from(mailboxes.list(""))) if (!isOwn(mailbox.name)) yield mailbox;
}

/** `\HasChildren \Sent …`: RFC 9051 §7.3.1. */
export function attributesOf(session: Session, entry: ListEntry, options: { specialUse: boolean }): string[] {
  const { mailbox } = entry;
  const attributes: string[] = [];
  if (mailbox === undefined) attributes.push("\\NonExistent");
  else if (mailbox.intermediate) attributes.push("\\NonExistent");
  else if ((session.rightsOn(mailbox) & Right.read) === 0) attributes.push("\\Noselect");
  // RFC 5258 §3.4: \NonExistent implies \Noselect; clients of RFC 3501 know only the latter.
  if (attributes[0] === "\\NonExistent" && !session.rev2) attributes.push("\\Noselect");
  attributes.push(entry.hasChildren ? "\\HasChildren" : "\\HasNoChildren");
  if (options.specialUse && mailbox !== undefined)
    for (const use of usesShownTo(session, mailbox)) attributes.push(`\\${printedUse(use)}`);
  return attributes;
}

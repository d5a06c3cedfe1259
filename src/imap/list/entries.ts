/** Which names a LIST shows and what each of them is: RFC 9051 §6.3.9 (LIST-EXTENDED, RFC 5258). */
import { Right } from "../../store/acl.ts";
import { compileListPattern, type ListPattern } from "../../store/list-pattern.ts";
import type { Mailbox, MailboxName } from "../../store/model.ts";
import type { Session } from "../session.ts";
import { isVisible, type Shown } from "../visible.ts";
import { hasVisibleChildren } from "./children.ts";
import { visitReachable } from "./reach.ts";
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
  /** RFC 5258 §3.5: something below it is subscribed. */
  childInfo: boolean;
  /** The same for special uses. */
  useBelow: boolean;
}

/** Every name the user may see that a pattern matches, with `%`'s missing levels; his own first, in the store's order. */
export async function listEntries(
  session: Session,
  patterns: readonly string[],
  shown: Shown,
): Promise<ListEntry[]> {
  const found = new Map<string, ListEntry>();
  const wild: ListPattern[] = [];
  for (const pattern of patterns) {
    const compiled = compileListPattern(pattern, session.namespace.separator);
    const entry = isLiteral(pattern) ? findEntry(session, pattern, shown) : undefined;
    if (entry !== undefined && compiled.matches(entry.external)) found.set(entry.external, entry);
    // A name of a level that is no mailbox may need the walk: "Other Users".
    else if (!isLiteral(pattern) || tryInternal(session, pattern) === undefined) wild.push(compiled);
  }
  if (wild.length > 0) await walk(session, wild, shown, found);
  return [...found.values()];
}

function isLiteral(pattern: string): boolean {
  return !/[*%]/.test(pattern);
}

/** Without a look at other mailboxes than those below. */
function findEntry(session: Session, external: string, shown: Shown): ListEntry | undefined {
  const name = tryInternal(session, external);
  const shownName = name === undefined ? undefined : session.externalName(name);
  if (name === undefined || shownName === undefined) return undefined;
  const mailbox = session.services.store.mailboxes.find(name);
  const hasChildren = hasVisibleChildren(session, name, shown);
  if (mailbox !== undefined && isVisible(session, mailbox, shown)) {
    return { ...missingEntry(shownName, name, hasChildren), mailbox };
  }
  return hasChildren ? missingEntry(shownName, name, true) : undefined;
}

async function walk(
  session: Session,
  patterns: readonly ListPattern[],
  shown: Shown,
  found: Map<string, ListEntry>,
): Promise<void> {
  /** Levels above what the walk saw, and of them those above a special use. */
  const parents = new Set<string>();
  const useParents = new Set<string>();
  await visitReachable(session, patterns, shown, (mailbox) => {
    const external = session.externalName(mailbox.name);
    if (external === undefined) return;
    // A level comes before what is below it.
    for (const level of patterns.flatMap((pattern) => pattern.matchingAncestors(external)))
      if (!found.has(level)) found.set(level, missingEntry(level, undefined, true));
    const hasUse = usesShownTo(session, mailbox).length > 0;
    for (const level of levelsAbove(external, session.namespace.separator)) {
      parents.add(level);
      if (hasUse) useParents.add(level);
    }
    if (patterns.some((pattern) => pattern.matches(external)))
      found.set(external, { ...missingEntry(external, mailbox.name, false), mailbox });
  });
  for (const entry of found.values()) {
    entry.hasChildren ||= parents.has(entry.external);
    entry.useBelow = useParents.has(entry.external);
  }
}

function* levelsAbove(external: string, separator: string): Generator<string> {
  for (let end = external.lastIndexOf(separator); end > 0; end = external.lastIndexOf(separator, end - 1)) {
    yield external.slice(0, end);
  }
}

/** The user's subscriptions that match, and the levels above deeper ones. */
export function subscribedEntries(session: Session, patterns: readonly string[], shown: Shown): ListEntry[] {
  const compiled = patterns.map((pattern) => compileListPattern(pattern, session.namespace.separator));
  const { mailboxes, subscriptions } = session.services.store;
  const entries = new Map<string, ListEntry>();
  const levels = new Set<string>();
  const visibleOrNone = (name: MailboxName): Mailbox | undefined => {
    const mailbox = mailboxes.find(name);
    return mailbox !== undefined && isVisible(session, mailbox, shown) ? mailbox : undefined;
  };
  for (const name of subscriptions.list(session.user)) {
    const external = session.externalName(name);
    if (external === undefined) continue;
    for (const pattern of compiled)
      for (const level of pattern.matchingAncestors(external)) levels.add(level);
    if (!compiled.some((pattern) => pattern.matches(external))) continue;
    const hasChildren = hasVisibleChildren(session, name, shown);
    entries.set(external, {
      ...missingEntry(external, name, hasChildren),
      mailbox: visibleOrNone(name),
      subscribed: true,
    });
  }
  for (const level of levels) {
    const entry = entries.get(level);
    if (entry !== undefined) {
      entry.childInfo = true;
      continue;
    }
    const name = tryInternal(session, level);
    const mailbox = name === undefined ? undefined : visibleOrNone(name);
    const hasChildren = name === undefined || hasVisibleChildren(session, name, shown);
    entries.set(level, {
      ...missingEntry(level, name, hasChildren),
      mailbox,
      matched: false,
      childInfo: true,
    });
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
    useBelow: false,
  };
}

function tryInternal(session: Session, external: string): MailboxName | undefined {
  try {
    return session.internalName(external);
  } catch {
    return undefined;
  }
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

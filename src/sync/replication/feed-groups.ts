/** Entries of the feed as replication sees them: what is to be looked at, once, however often it changed. */
import type { MailboxName, UserId } from "../../store/model.ts";
import { userOf } from "../../store/names.ts";
import type { FeedEntry } from "../../store/port.ts";

export interface UserChanges {
  readonly user: UserId;
  /** Unique id → names that the mailbox had meanwhile. */
  readonly mailboxes: Map<string, Set<MailboxName>>;
  readonly quotaRoots: Set<MailboxName>;
  /** Subscriptions or seen states. */
  meta: boolean;
  /** Server annotations. */
  server: boolean;
  /** Where the first of them stands in the feed. */
  readonly firstSequence: number;
}

/** In the order of their first change. */
export function groupByUser(entries: readonly FeedEntry[]): readonly UserChanges[] {
  const groups = new Map<UserId, UserChanges>();
  for (const entry of entries) {
    // Quota roots stand in the feed under nobody's name.
    const user = entry.kind === "quota" ? userOf(entry.name) : entry.user;
    let group = groups.get(user);
    if (group === undefined) {
      group = {
        user,
        mailboxes: new Map(),
        quotaRoots: new Set(),
        meta: false,
        server: false,
        firstSequence: entry.sequence,
      };
      groups.set(user, group);
    }
    addEntry(group, entry);
  }
  return [...groups.values()];
}

function addEntry(group: UserChanges, { kind, name, uniqueId }: FeedEntry): void {
  if (kind === "quota") group.quotaRoots.add(name);
  else if (kind === "subscription" || kind === "seen") group.meta = true;
  else if (uniqueId === "") group.server ||= kind === "annotation";
  else {
    const names = group.mailboxes.get(uniqueId) ?? new Set();
    names.add(name);
    group.mailboxes.set(uniqueId, names);
  }
}

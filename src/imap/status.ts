/** STATUS items (RFC 9051 §6.3.11, RFC 7162 §3.1.7, RFC 8474 §4.3, RFC 7889, RFC 9208 §4.1.4), also for LIST RETURN (STATUS). */
import { SystemFlag, type Mailbox } from "../store/model.ts";
import { userOf } from "../store/names.ts";
import type { MailboxView } from "../store/port.ts";
import type { Reader } from "./codec/reader.ts";
import { bad, no } from "./refusal.ts";
import type { Session } from "./session.ts";
import { isSelectable } from "./visible.ts";

export interface StatusItem {
  readonly name: string;
  /** Has to look at the messages; otherwise the mailbox's counters do. */
  readonly needsView?: (mailbox: Mailbox, session: Session) => boolean;
  value(mailbox: Mailbox, session: Session, view: MailboxView | undefined): string | number;
}

/** \Seen of others than the owner is not in the mailbox's counters. */
function hasOwnSeen(mailbox: Mailbox, session: Session): boolean {
  return userOf(mailbox.name) !== session.user && !mailbox.options.includes("sharedSeen");
}

const ITEMS: readonly StatusItem[] = [
  { name: "MESSAGES", value: (mailbox) => mailbox.exists },
  { name: "UIDNEXT", value: (mailbox) => mailbox.lastUid + 1 },
  { name: "UIDVALIDITY", value: (mailbox) => mailbox.uidValidity },
  {
    name: "UNSEEN",
    needsView: hasOwnSeen,
    value(mailbox, session, view) {
      if (view === undefined) return mailbox.unseen;
      let unseen = 0;
      for (let index = 0; index < view.count; index++) if (!view.isSeenBy(session.user, index)) unseen++;
      return unseen;
    },
  },
  { name: "DELETED", value: (mailbox) => mailbox.flaggedDeleted },
  {
    name: "DELETED-STORAGE",
    needsView: (mailbox) => mailbox.flaggedDeleted > 0,
    value(_mailbox, _session, view) {
      let bytes = 0;
      for (let index = 0; index < (view?.count ?? 0); index++) {
        if (view!.systemFlags[index]! & SystemFlag.deleted) bytes += view!.sizes[index]!;
      }
      return bytes;
    },
  },
  { name: "SIZE", value: (mailbox) => mailbox.sizeBytes },
  {
    name: "RECENT",
    needsView: (mailbox) => mailbox.lastUid > mailbox.recentUid,
    value: (mailbox, _session, view) =>
      view === undefined ? 0 : view.count - view.lowerBound(mailbox.recentUid + 1),
  },
  { name: "HIGHESTMODSEQ", value: (mailbox) => mailbox.highestModseq },
  { name: "MAILBOXID", value: (mailbox) => `(${mailbox.uniqueId})` },
  {
    name: "APPENDLIMIT",
    value: (_mailbox, session) => {
      const { maxMessageBytes } = session.services.settings;
      return maxMessageBytes === 0 ? "NIL" : maxMessageBytes;
    },
  },
];
const BY_NAME = new Map(ITEMS.map((item) => [item.name, item]));

/** "(" status-att *(SP status-att) ")". */
export function readStatusItems(reader: Reader, session: Session): StatusItem[] {
  const items = reader.list((inner) => {
    const name = inner.keyword();
    const item = BY_NAME.get(name);
    if (item === undefined) throw bad(`Unknown STATUS item "${name}"`);
    // RFC 7162 §3.1: a CONDSTORE enabling command.
    if (name === "HIGHESTMODSEQ") session.enableCondstore();
    return item;
  });
  if (items.length === 0) throw bad("No STATUS items");
  return items;
}

/** By their names, for responses nobody asked for. */
export function statusItems(names: readonly string[]): StatusItem[] {
  return ITEMS.filter(({ name }) => names.includes(name));
}

/** `* STATUS name (ITEM value …)`; `external` as the client wrote it. */
export async function writeStatus(
  session: Session,
  mailbox: Mailbox,
  external: string,
  items: readonly StatusItem[],
): Promise<void> {
  if (!isSelectable(mailbox)) throw no("Not a mailbox with messages", "NONEXISTENT");
  const needsView = items.some((item) => item.needsView?.(mailbox, session) === true);
  const view = needsView ? await session.services.store.open(mailbox.id) : undefined;
  try {
    const values = items.map((item) => `${item.name} ${item.value(mailbox, session, view)}`);
    session.out.ascii("* STATUS ");
    session.writeMailboxName(external);
    session.out.ascii(` (${values.join(" ")})\r\n`);
  } finally {
    view?.release();
  }
}

/** event-groups of NOTIFY SET: RFC 5465 §5, §8. */
import type { Reader } from "../codec/reader.ts";
import { readFetchList } from "../fetch/attributes.ts";
import type { FetchItem } from "../fetch/item.ts";
import { bad, no } from "../refusal.ts";
import type { Session } from "../session.ts";
import { readMailboxFilter, type MailboxFilter } from "./mailbox-filter.ts";

/** Groups of one command. */
const MAX_GROUPS = 100;

const MESSAGE_EVENTS = ["MessageNew", "MessageExpunge", "FlagChange"] as const;
const OTHER_EVENTS = [
  "MailboxName",
  "SubscriptionChange",
  "MailboxMetadataChange",
  "ServerMetadataChange",
] as const;
const EVENTS = [...MESSAGE_EVENTS, ...OTHER_EVENTS];
export type EventName = (typeof EVENTS)[number];

export interface EventGroup {
  readonly filter: MailboxFilter;
  readonly events: ReadonlySet<EventName>;
  /** Of new messages in the selected mailbox. */
  readonly fetches: readonly FetchItem[];
}

export function isOfSelected({ filter }: EventGroup): boolean {
  return filter.kind === "selected" || filter.kind === "selected-delayed";
}

/** event-groups = event-group *(SP event-group). @throws ImapRefusal BAD; NO BADEVENT for events that are not ours */
export function readEventGroups(reader: Reader, session: Session): EventGroup[] {
  const groups: EventGroup[] = [];
  do groups.push(readGroup(reader, session));
  while (reader.skip(" "));
  if (groups.length > MAX_GROUPS) throw bad("Too many event groups", "LIMIT");
  if (groups.filter(isOfSelected).length > 1) throw bad("More than one of SELECTED and SELECTED-DELAYED");
  return groups;
}

/** "(" filter-mailboxes SP events ")"; events = "(" event *(SP event) ")" / "NONE". RFC 5465 §3.1 shows bare events too. */
function readGroup(reader: Reader, session: Session): EventGroup {
  reader.expect("(");
  const filter = readMailboxFilter(reader, session, (kind) => kind !== "subtree-one");
  const events = new Set<EventName>();
  const fetches: FetchItem[] = [];
  const group: EventGroup = { filter, events, fetches };
  reader.sp();
  if (reader.peekKeyword() === "NONE") reader.keyword();
  else {
    const isListed = reader.skip("(");
    do {
      const event = readEvent(reader);
      events.add(event);
      if (event !== "MessageNew" || !reader.skipSpaceAnd("(")) continue;
      if (!isOfSelected(group)) throw bad("Attributes are for the selected mailbox only");
      fetches.push(...readFetchList(reader, session));
    } while (reader.skip(" "));
    if (isListed) reader.expect(")");
  }
  reader.expect(")");
  checkGroup(group);
  return group;
}

function readEvent(reader: Reader): EventName {
  const name = reader.keyword();
  const event = EVENTS.find((known) => known.toUpperCase() === name);
  if (event === undefined) throw no(`No such event "${name}"`, `BADEVENT (${EVENTS.join(" ")})`);
  return event;
}

function checkGroup(group: EventGroup): void {
  const { events } = group;
  if (events.has("MessageNew") !== events.has("MessageExpunge")) {
    throw bad("MessageNew and MessageExpunge go together");
  }
  if (events.has("FlagChange") && !events.has("MessageNew")) {
    throw bad("FlagChange needs MessageNew and MessageExpunge");
  }
  if (isOfSelected(group) && OTHER_EVENTS.some((event) => events.has(event))) {
    throw bad("Only message events are for the selected mailbox");
  }
}

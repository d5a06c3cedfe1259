/** ESEARCH, search in several mailboxes: RFC 7377. */
import { Right } from "../../store/acl.ts";
import { StoreError } from "../../store/errors.ts";
import type { MailboxView } from "../../store/port.ts";
import type { Reader } from "../codec/reader.ts";
import { quoted } from "../codec/writer.ts";
import { command } from "../command.ts";
import {
  coveredMailboxes,
  hasRights,
  readMailboxFilter,
  type MailboxFilter,
} from "../notify/mailbox-filter.ts";
import { bad, no } from "../refusal.ts";
import { highestModseq } from "../search/answer.ts";
import { findMessages } from "../search/engine.ts";
import { readSearchProgram } from "../search/keys.ts";
import type { Matcher } from "../search/matcher.ts";
import { newsOf } from "../search/news.ts";
import { DEFAULT_RETURNS, readReturnOptions, type ReturnOptions } from "../search/returns.ts";
import { ViewTarget, type SearchTarget } from "../search/target.ts";
import type { Session } from "../session.ts";
import { inTurns } from "../turns.ts";

/** Mailboxes one command may search (RFC 7377 §2.4). */
const MAX_MAILBOXES = 10_000;
const SELECTED: MailboxFilter = { kind: "selected", names: new Set() };

export const esearch = command({
  name: "ESEARCH",
  state: "authenticated",
  uid: true,
  parse(reader, session, call) {
    const sources = readSources(reader.sp(), session);
    const returns = readReturnOptions(reader, session) ?? DEFAULT_RETURNS;
    const isSelected = sources.some(({ kind }) => kind === "selected");
    if (isSelected && session.selectedOrUndefined === undefined) throw bad("No mailbox is selected");
    if (returns.update !== undefined && session.selectedOrUndefined === undefined) {
      throw bad("UPDATE needs a selected mailbox");
    }
    if ((returns.saves || returns.update !== undefined) && !(isSelected && sources.length === 1)) {
      throw bad("SAVE and UPDATE are for the selected mailbox alone");
    }
    return { sources, returns, matcher: readSearchProgram(reader, session, call) };
  },
  async run(session, { sources, returns, matcher }, { tag }) {
    const ids = mailboxIds(session, sources);
    for (const id of ids) {
      const selected = session.selectedOrUndefined;
      if (selected?.id === id) await searchOne(session, selected, matcher, returns, tag);
      else {
        const view = await openIfThere(session, id);
        if (view === undefined) continue;
        try {
          await searchOne(session, new ViewTarget(view), matcher, returns, tag);
        } finally {
          view.release();
        }
      }
      if (session.ended) return;
    }
  },
});

/** ["IN" SP "(" filter-mailboxes *(SP filter-mailboxes) [SP "(" scope-options ")"] ")" SP]. */
function readSources(reader: Reader, session: Session): MailboxFilter[] {
  if (reader.peekKeyword() !== "IN") return [SELECTED];
  reader.keyword();
  const sources = reader
    .sp()
    .list((inner) => readMailboxFilter(inner, session, (kind) => kind !== "selected-delayed"));
  if (sources.length === 0) throw bad("No mailboxes to search");
  reader.sp();
  return sources;
}

/** Each once, however often it is named; those he may not read are passed over (RFC 7377 §2.2). */
function mailboxIds(session: Session, sources: readonly MailboxFilter[]): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const source of sources) {
    if (source.kind === "selected") ids.add(session.selected.id);
    const needed = source.kind === "mailboxes" ? Right.read : Right.read | Right.lookup;
    for (const mailbox of coveredMailboxes(session, source)) {
      if (hasRights(session, mailbox, needed)) ids.add(mailbox.id);
      if (ids.size > MAX_MAILBOXES) throw no("Too many mailboxes", "LIMIT");
    }
  }
  return ids;
}

async function openIfThere(session: Session, id: number): Promise<MailboxView | undefined> {
  try {
    return await session.services.store.open(id);
  } catch (error) {
    if (error instanceof StoreError && error.code === "mailbox_not_found") return undefined;
    throw error;
  }
}

/** `* ESEARCH (TAG "t" MAILBOX "a/b" UIDVALIDITY 1) UID ALL 4:7`; nothing where nothing matches (RFC 7377 §2.1). */
async function searchOne(
  session: Session,
  target: SearchTarget,
  matcher: Matcher,
  returns: ReturnOptions,
  tag: string,
): Promise<void> {
  const uids = await findMessages(session, target, matcher);
  if (session.ended) return;
  const result = { uids, numbers: uids };
  const { mailbox } = target.view;
  const external = session.externalName(mailbox.name);
  const { selectedOrUndefined: selected } = session;
  if (returns.saves && selected === target) selected.save([...returns.spokenOf(result)]);
  if (returns.update !== undefined && selected !== undefined && selected === target) {
    const news = newsOf(session, selected);
    if (news.has(tag)) throw bad("Tag reuse");
    news.follow({ tag, by: "uid", matcher, fetches: returns.update.fetches ?? [] }, uids);
  }
  if (uids.length === 0 || external === undefined || !returns.answers) return;
  const about = returns.spokenOf(result);
  const modseq =
    matcher.asksModseq === true && about.length > 0 ? ` MODSEQ ${highestModseq(target, about)}` : "";
  const text = await inTurns(session, returns.text(result));
  if (session.ended) return;
  session.out.ascii(`* ESEARCH (TAG ${quoted(tag)} MAILBOX `);
  session.writeMailboxName(external);
  session.out.ascii(` UIDVALIDITY ${mailbox.uidValidity}) UID${text}${modseq}\r\n`);
}

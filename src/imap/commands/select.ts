/** SELECT and EXAMINE: RFC 9051 §6.3.2, §6.3.3, with CONDSTORE (RFC 7162 §3.1.8) and QRESYNC (§3.2.5). */
import { toModseq, type Modseq } from "../../base/numbers.ts";
import { Right } from "../../store/acl.ts";
import { numbersOf, type NumberRange } from "../../wire/number-set.ts";
import { MAX_ANNOTATION_BYTES } from "../annotate/changes.ts";
import { command, type CompletionLine } from "../command.ts";
import { flagsItem, modseqItem, uidItem } from "../fetch/columns.ts";
import { writeFetch } from "../fetch/engine.ts";
import { STAR, type Reader } from "../codec/reader.ts";
import { bad, no } from "../refusal.ts";
import { Selected } from "../selected.ts";
import type { Session } from "../session.ts";
import { tellVanished } from "../vanished.ts";
import { isSelectable } from "../visible.ts";

/** Pairs of match data that are looked at; clients send a handful. */
const MAX_MATCH_PAIRS = 10_000;

interface Resync {
  readonly uidValidity: number;
  readonly modseq: Modseq;
  readonly knownUids: readonly NumberRange[] | undefined;
  /** Sequence numbers and UIDs the client remembers as pairs. */
  readonly matchData:
    | { readonly sequences: readonly NumberRange[]; readonly uids: readonly NumberRange[] }
    | undefined;
}

interface SelectArguments {
  readonly name: string;
  readonly resync: Resync | undefined;
  /** Asks whether messages can be annotated: RFC 5257 §4.1. */
  readonly annotate: boolean;
}

const MUTATING =
  Right.keepSeen | Right.write | Right.deleteMessage | Right.expunge | Right.insert | Right.annotate;

export const select = command({
  name: "SELECT",
  state: "authenticated",
  parse: parseSelect,
  run: (session, parsed) => selectMailbox(session, parsed, false),
});

export const examine = command({
  name: "EXAMINE",
  state: "authenticated",
  parse: parseSelect,
  run: (session, parsed) => selectMailbox(session, parsed, true),
});

function parseSelect(reader: Reader, session: Session): SelectArguments {
  const name = reader.sp().mailbox();
  let resync: Resync | undefined;
  let annotate = false;
  if (reader.skipSpaceAnd("(")) {
    do {
      const parameter = reader.keyword();
      if (parameter === "CONDSTORE") session.enabled.add("CONDSTORE");
      else if (parameter === "ANNOTATE") annotate = true;
      else if (parameter === "QRESYNC") resync = readResync(reader.sp(), session);
      else throw bad(`Unknown parameter "${parameter}"`);
    } while (reader.skip(" "));
    reader.expect(")");
  }
  return { name, resync, annotate };
}

/** "(" uidvalidity SP mod-sequence [SP known-uids] [SP "(" seq-set SP uid-set ")"] ")". */
function readResync(reader: Reader, session: Session): Resync {
  if (!session.enabled.has("QRESYNC")) throw bad("ENABLE QRESYNC first");
  const uidValidity = reader.expect("(").nzNumber();
  const modseq = toModseq(Math.min(reader.sp().number64(), Number.MAX_SAFE_INTEGER));
  let knownUids: readonly NumberRange[] | undefined;
  let matchData: Resync["matchData"];
  if (reader.skip(" ")) {
    if (!reader.peekIs("(")) {
      knownUids = reader.sequenceSet().ranges;
      if (knownUids.some(({ last }) => last === STAR)) throw bad("* is not allowed in known UIDs");
    }
    if (reader.skip("(") || reader.skipSpaceAnd("(")) {
      const sequences = reader.sequenceSet().ranges;
      const uids = reader.sp().sequenceSet().ranges;
      reader.expect(")");
      if ([...sequences, ...uids].some(({ last }) => last === STAR))
        throw bad("* is not allowed in match data");
      matchData = { sequences, uids };
    }
  }
  reader.expect(")");
  return { uidValidity, modseq, knownUids, matchData };
}

async function selectMailbox(
  session: Session,
  { name, resync, annotate }: SelectArguments,
  examineOnly: boolean,
): Promise<CompletionLine> {
  if (session.selectedOrUndefined !== undefined) {
    // A refused SELECT leaves no mailbox selected (RFC 9051 §6.3.2).
    session.select(undefined);
    session.untagged("OK [CLOSED] Previous mailbox is closed");
  }
  const found = session.mailbox(name, Right.read);
  if (!isSelectable(found)) throw no("Not a mailbox with messages", "CANNOT");
  const rights = session.rightsOn(found);
  const readOnly = examineOnly || (rights & MUTATING) === 0;
  const view = await session.services.store.open(found.id);
  const selected = new Selected(session, view, readOnly);
  if (session.ended) {
    selected.release();
    return {};
  }
  session.select(selected);
  const { mailbox } = view;
  selected.tellFlagNames();
  session.untagged(`${selected.count} EXISTS`);
  if (!session.rev2) {
    session.untagged(`${selected.recentCount} RECENT`);
    const unseen = firstUnseen(session, selected);
    if (unseen > 0) session.untagged(`OK [UNSEEN ${unseen}] First unseen`);
  }
  session.untagged(`OK [UIDVALIDITY ${mailbox.uidValidity}] Ok`);
  session.untagged(`OK [UIDNEXT ${mailbox.lastUid + 1}] Ok`);
  session.untagged(`OK [HIGHESTMODSEQ ${mailbox.highestModseq}] Ok`);
  session.untagged(`OK [MAILBOXID (${mailbox.uniqueId})] Ok`);
  if (annotate) {
    session.untagged(`OK [ANNOTATIONS ${readOnly ? "READ-ONLY" : MAX_ANNOTATION_BYTES}] Ok`);
  }
  const external = session.externalName(mailbox.name);
  if (session.rev2 && external !== undefined) {
    session.out.ascii(`* LIST () "${session.namespace.separator}" `);
    session.writeMailboxName(external);
    session.out.ascii("\r\n");
  }
  if (resync !== undefined && resync.uidValidity === mailbox.uidValidity)
    await resynchronize(session, resync);
  return {
    code: readOnly ? "READ-ONLY" : "READ-WRITE",
    text: `${examineOnly ? "EXAMINE" : "SELECT"} completed`,
  };
}

function firstUnseen(session: Session, { view, count, mailbox }: Selected): number {
  if (mailbox.exists === 0) return 0;
  for (let index = 0; index < count; index++) if (!view.isSeenBy(session.user, index)) return index + 1;
  return 0;
}

/** What happened since the client's modseq: VANISHED (EARLIER), then FETCH with flags (RFC 7162 §3.2.5). */
async function resynchronize(session: Session, { modseq, knownUids, matchData }: Resync): Promise<void> {
  const { selected } = session;
  if (modseq >= selected.mailbox.highestModseq) return;
  const all: readonly NumberRange[] = [{ first: 1, last: STAR }];
  await tellVanished(session, knownUids ?? all, modseq, matchedUid(session, matchData));
  const changed = selected.view.changedSince(modseq);
  const wanted =
    knownUids === undefined
      ? changed
      : changed.filter((uid) => knownUids.some(({ first, last }) => uid >= first && uid <= last));
  await writeFetch(session, wanted, [uidItem, flagsItem, modseqItem]);
}

/** The highest UID that still has the sequence number the client remembers: nothing below it is gone (RFC 7162 §3.2.5.2). */
function matchedUid({ selected: { view } }: Session, data: Resync["matchData"]): number {
  if (data === undefined) return 0;
  const uids = numbersOf(data.uids);
  let matched = 0;
  let looked = 0;
  for (const sequence of numbersOf(data.sequences)) {
    const { value: uid, done } = uids.next();
    if (done === true || ++looked > MAX_MATCH_PAIRS || sequence > view.count) break;
    if (view.uids[sequence - 1] === uid && uid > matched) matched = uid;
  }
  return matched;
}

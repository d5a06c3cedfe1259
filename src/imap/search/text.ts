/** Keys that look for text: SUBJECT, FROM …, HEADER, BODY, TEXT, and the SENT dates (RFC 9051 §6.4.4). */
import { fold } from "../../mime/fold.ts";
import { bodyContains, fieldContains, messageContains } from "../../mime/searchable-text.ts";
import type { ColumnName } from "../columns/cache.ts";
import type { DateColumn } from "../columns/date-column.ts";
import { readDate } from "../codec/date.ts";
import type { Session } from "../session.ts";
import { inTurns, STEP_ITEMS, type Steps } from "../turns.ts";
import { Ascending } from "./ascending.ts";
import { EnvelopeField, envelopeAddressText, envelopeSubject } from "./envelope.ts";
import type { SearchKey } from "./key.ts";
import { Level, type Candidate, type Matcher } from "./matcher.ts";
import type { SearchTarget } from "./target.ts";

const DAY_MS = 86_400_000;
/** Messages that are as quickly scanned as looked up in the index. */
const FEW = 8;
/** Summaries that are as quickly read as a column is found. */
const FEW_SUMMARIES = 64;

type Members = Pick<ReadonlySet<number>, "has">;

/** Answers that were looked up for the whole mailbox. */
interface Found {
  /** Ascending, where they are at hand: all that may match. */
  readonly list?: readonly number[];
  readonly uids: Members;
  /** Not looked up: scanned. */
  readonly unknown: Members;
  /** False: `uids` may match, all others do not. */
  readonly exact: boolean;
}

/** A matcher that looks the answers up where it can and scans what that leaves open. */
function lookedUp(
  level: Level,
  lookUp: (session: Session, target: SearchTarget, open: number) => Promise<Found | undefined>,
  scan: (candidate: Candidate) => boolean,
): Matcher {
  let found: Found | undefined;
  return {
    level,
    begin() {
      found = undefined;
    },
    async prepare(session, target, open) {
      found = await lookUp(session, target, open);
    },
    mayMatch: () => found?.list,
    matches(candidate) {
      if (found !== undefined && !found.unknown.has(candidate.uid)) {
        if (!found.uids.has(candidate.uid)) return false;
        if (found.exact) return true;
      }
      return candidate.level < level ? undefined : scan(candidate);
    },
  };
}

const everything: Matcher = { level: Level.view, matches: () => true };
const NONE: ReadonlySet<number> = new Set();

/** From the text index. */
function indexed(field: "body" | "text", needle: string) {
  return async (session: Session, target: SearchTarget, open: number): Promise<Found | undefined> => {
    if (open <= FEW) return undefined;
    const answer = await session.services.textSearch?.candidates(target.id, field, needle);
    if (answer === undefined) return undefined;
    const { uids, unknown, exact } = answer;
    const list = unknown.length === 0 ? { list: uids } : {};
    return { ...list, uids: new Ascending(uids), unknown: new Ascending(unknown), exact };
  };
}

function worthwhile(session: Session, target: SearchTarget, open: number, name: ColumnName): boolean {
  return session.shared.columns.lagOf(target, name) <= Math.max(open, FEW_SUMMARIES);
}

/** A field of the envelope. */
function envelopeKey(
  name: string,
  column: "subject" | "from" | "to" | "cc" | "bcc",
  read: (envelope: Buffer) => string,
): SearchKey {
  return {
    name,
    parse(parser) {
      const needle = parser.needle();
      // Every message contains the empty string.
      if (needle === "") return everything;
      return lookedUp(
        Level.summary,
        async (session, target, open) => {
          if (!worthwhile(session, target, open, column)) return undefined;
          const texts = await session.shared.columns.get(session, target, column);
          const list = await inTurns(session, texts.containing(needle));
          return { list, uids: new Ascending(list), unknown: NONE, exact: true };
        },
        ({ summary }) => fold(read(summary.envelope)).includes(needle),
      );
    },
  };
}

function addressKey(name: string, column: "from" | "to" | "cc" | "bcc"): SearchKey {
  return envelopeKey(name, column, (envelope) => envelopeAddressText(envelope, EnvelopeField[column]));
}

/** Days of the Date header, time and zone disregarded; without a readable one the internal date stands in. */
function sentKey(name: string, matches: (ms: number, dayMs: number) => boolean): SearchKey {
  return {
    name,
    parse({ reader }) {
      const dayMs = readDate(reader.sp()) * 1000;
      return lookedUp(
        Level.summary,
        async (session, target, open) => {
          if (!worthwhile(session, target, open, "date")) return undefined;
          const column = await session.shared.columns.get(session, target, "date");
          const found = await inTurns(
            session,
            sentOn(target, column, (ms) => matches(ms, dayMs)),
          );
          return { uids: found, unknown: NONE, exact: true };
        },
        ({ summary, target, uid }) => matches(summary.sentDateMs ?? internalDateMs(target, uid), dayMs),
      );
    },
  };
}

/** UIDs of the messages whose sent date, or else internal date, is as wanted. */
function* sentOn(
  target: SearchTarget,
  { uids, dates }: DateColumn,
  matches: (ms: number) => boolean,
): Steps<Set<number>> {
  const found = new Set<number>();
  for (let i = 0; i < uids.length; i++) {
    const date = dates[i]!;
    if (matches(Number.isNaN(date) ? internalDateMs(target, uids[i]!) : date)) found.add(uids[i]!);
    if (i % STEP_ITEMS === STEP_ITEMS - 1) yield;
  }
  return found;
}

function internalDateMs({ view }: SearchTarget, uid: number): number {
  const index = view.indexOf(uid);
  return index < 0 ? 0 : view.internalDates[index]! * 1000;
}

/** A field of the header: what the index finds in the whole header and body holds the answer. */
const headerKey: SearchKey = {
  name: "HEADER",
  parse(parser) {
    const field = parser.reader.sp().astring().toLowerCase();
    const needle = parser.needle();
    const lookUp = indexed("text", needle);
    return lookedUp(
      Level.header,
      async (session, target, open) => {
        // An empty string asks whether the field is there at all.
        const found = needle === "" ? undefined : await lookUp(session, target, open);
        return found === undefined ? undefined : { ...found, exact: false };
      },
      ({ bytes }) => fieldContains(bytes, field, needle),
    );
  },
};

function contentKey(
  name: "BODY" | "TEXT",
  contains: (bytes: Buffer, root: Candidate["summary"]["root"], needle: string) => boolean,
): SearchKey {
  return {
    name,
    parse(parser) {
      const needle = parser.needle();
      if (needle === "") return everything;
      const field = name === "BODY" ? "body" : "text";
      return lookedUp(Level.body, indexed(field, needle), ({ bytes, summary }) =>
        contains(bytes, summary.root, needle),
      );
    },
  };
}

export const textKeys: readonly SearchKey[] = [
  envelopeKey("SUBJECT", "subject", envelopeSubject),
  addressKey("FROM", "from"),
  addressKey("TO", "to"),
  addressKey("CC", "cc"),
  addressKey("BCC", "bcc"),
  headerKey,
  contentKey("BODY", bodyContains),
  contentKey("TEXT", messageContains),
  sentKey("SENTBEFORE", (ms, dayMs) => ms < dayMs),
  sentKey("SENTON", (ms, dayMs) => ms >= dayMs && ms < dayMs + DAY_MS),
  sentKey("SENTSINCE", (ms, dayMs) => ms >= dayMs),
];

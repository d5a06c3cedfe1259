/** Keys that the mailbox's columns answer: flags, dates, sizes, numbers (RFC 9051 §6.4.4; WITHIN RFC 5032; RFC 7162 §3.1.5; RFC 8474 §4.2; RFC 8514). */
import { bad } from "../refusal.ts";
import { SystemFlag } from "../../store/model.ts";
import { rangesInclude, type NumberRange } from "../../wire/number-set.ts";
import { readDate } from "../codec/date.ts";
import type { SequenceSet } from "../codec/reader.ts";
import { hasKeyword, keywordBit } from "../flags.ts";
import type { SearchKey } from "./key.ts";
import { Level, not, viewMatcher, type Candidate, type Matcher } from "./matcher.ts";
import { uidRanges } from "./target.ts";

const DAY_SECONDS = 86_400;

function plain(name: string, matches: (candidate: Candidate) => boolean): SearchKey {
  return { name, parse: () => viewMatcher(matches) };
}

/** The key and its UN- form. */
function pair(name: string, negated: string, matches: (candidate: Candidate) => boolean): SearchKey[] {
  return [plain(name, matches), { name: negated, parse: () => not(viewMatcher(matches)) }];
}

function flag(bit: number): (candidate: Candidate) => boolean {
  return ({ target, index }) => (target.view.systemFlags[index]! & bit) !== 0;
}

const seen = ({ session, target, index }: Candidate): boolean => target.view.isSeenBy(session.user, index);
const recent = ({ target, uid }: Candidate): boolean => target.isRecent(uid);

/** BEFORE, ON, SINCE disregard time and zone (RFC 9051 §6.4.4): whole days in UTC. */
function dateKeys(prefix: string, secondsOf: (candidate: Candidate) => number): SearchKey[] {
  const dated = (name: string, matches: (seconds: number, day: number) => boolean): SearchKey => ({
    name: prefix + name,
    parse({ reader }) {
      const day = readDate(reader.sp());
      return viewMatcher((candidate) => {
        const seconds = secondsOf(candidate);
        return seconds !== 0 && matches(seconds, day);
      });
    },
  });
  return [
    dated("BEFORE", (seconds, day) => seconds < day),
    dated("ON", (seconds, day) => seconds >= day && seconds < day + DAY_SECONDS),
    dated("SINCE", (seconds, day) => seconds >= day),
  ];
}

/** RFC 5032: seconds before now. */
function ageKey(name: string, younger: boolean): SearchKey {
  return {
    name,
    parse({ reader, session }) {
      const seconds = reader.sp().nzNumber();
      const border = session.services.clock.nowMs() / 1000 - seconds;
      return viewMatcher(({ target, index }) => target.view.internalDates[index]! >= border === younger);
    },
  };
}

function sizeKey(name: string, matches: (size: number, wanted: number) => boolean): SearchKey {
  return {
    name,
    parse({ reader }) {
      const wanted = reader.sp().number64();
      return viewMatcher(({ target, index }) => matches(target.view.sizes[index]!, wanted));
    },
  };
}

function keywordMatcher(keyword: string): Matcher {
  let known: readonly string[] | undefined;
  let bit = -1;
  return viewMatcher(({ target: { view }, index }) => {
    // Looked up once: keywords keep their bits, new ones only add to the list.
    if (known !== view.mailbox.keywords) {
      known = view.mailbox.keywords;
      bit = keywordBit(view, keyword);
    }
    return hasKeyword(view, index, bit);
  });
}

/** A sequence set: by sequence number also in UID SEARCH (RFC 9051 §6.4.9); `$` is what was saved. */
export function setMatcher(set: SequenceSet, by: "sequence" | "uid"): Matcher {
  let ranges: readonly NumberRange[] = [];
  return {
    level: Level.view,
    begin(target) {
      ranges = uidRanges(target, set, by);
    },
    matches: ({ uid }) => rangesInclude(ranges, uid),
  };
}

export const columnKeys: readonly SearchKey[] = [
  plain("ALL", () => true),
  ...pair("SEEN", "UNSEEN", seen),
  ...pair("ANSWERED", "UNANSWERED", flag(SystemFlag.answered)),
  ...pair("DELETED", "UNDELETED", flag(SystemFlag.deleted)),
  ...pair("FLAGGED", "UNFLAGGED", flag(SystemFlag.flagged)),
  ...pair("DRAFT", "UNDRAFT", flag(SystemFlag.draft)),
  ...pair("RECENT", "OLD", recent),
  plain("NEW", (candidate) => recent(candidate) && !seen(candidate)),
  { name: "KEYWORD", parse: ({ reader }) => keywordMatcher(reader.sp().atom()) },
  { name: "UNKEYWORD", parse: ({ reader }) => not(keywordMatcher(reader.sp().atom())) },
  ...dateKeys("", ({ target, index }) => target.view.internalDates[index]!),
  ...dateKeys("SAVED", ({ target, index }) => target.view.saveDates[index]!),
  plain("SAVEDATESUPPORTED", () => true),
  ageKey("YOUNGER", true),
  ageKey("OLDER", false),
  sizeKey("LARGER", (size, wanted) => size > wanted),
  sizeKey("SMALLER", (size, wanted) => size < wanted),
  {
    name: "UID",
    parse: ({ reader }) => setMatcher(reader.sp().sequenceSet(), "uid"),
  },
  {
    name: "MODSEQ",
    parse({ reader, session }) {
      session.enableCondstore();
      // "/flags/…" SP "all": metadata items have no modseq of their own here (RFC 7162 §3.1.5 allows that).
      if (reader.sp().peekIs('"')) {
        reader.string();
        const kind = reader.sp().keyword();
        if (!["PRIV", "SHARED", "ALL"].includes(kind)) throw bad("Expected priv, shared or all");
        reader.sp();
      }
      const modseq = reader.number64();
      return {
        level: Level.view,
        asksModseq: true,
        matches: ({ target, index }) => target.view.modseqs[index]! >= modseq,
      };
    },
  },
  {
    name: "EMAILID",
    parse({ reader }) {
      const wanted = reader.sp().atom();
      return viewMatcher(({ target, index }) => target.view.guid(index) === wanted);
    },
  },
  {
    name: "THREADID",
    parse({ reader }) {
      const wanted = reader.sp().atom();
      return viewMatcher(({ target, index }) => target.view.threadId(index) === wanted);
    },
  },
];

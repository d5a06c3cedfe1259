/** Keys that look for text: SUBJECT, FROM …, HEADER, BODY, TEXT, and the SENT dates (RFC 9051 §6.4.4). */
import { decodeHeader } from "../../mime/encoded-word.ts";
import { fold } from "../../mime/fold.ts";
import { fieldValues, headerEnd } from "../../mime/headers.ts";
import { bodyContains, messageContains } from "../../mime/searchable-text.ts";
import { readDate } from "../codec/date.ts";
import { EnvelopeField, envelopeAddressText, envelopeSubject } from "./envelope.ts";
import type { SearchKey } from "./key.ts";
import { Level, summaryMatcher, type Candidate, type Matcher } from "./matcher.ts";
import type { TextField } from "./text-search.ts";

const DAY_MS = 86_400_000;

/** A matcher that asks the text index first and scans what that leaves open. */
function indexed(
  level: Level,
  field: TextField,
  needle: string,
  scan: (candidate: Candidate) => boolean,
): Matcher {
  let found: { uids: ReadonlySet<number>; unknown: ReadonlySet<number>; exact: boolean } | undefined;
  return {
    level,
    async prepare(session) {
      // Every message contains the empty string; short needles are cheaper to scan for than to look up.
      const answer = await session.services.textSearch?.candidates(session.selected.id, field, needle);
      if (answer !== undefined) {
        found = { uids: new Set(answer.uids), unknown: new Set(answer.unknown), exact: answer.exact };
      }
    },
    matches(candidate) {
      if (needle === "") return true;
      if (found !== undefined && !found.unknown.has(candidate.uid)) {
        if (!found.uids.has(candidate.uid)) return false;
        if (found.exact) return true;
      }
      return candidate.level < level ? undefined : scan(candidate);
    },
  };
}

function addressKey(name: string, textField: TextField, field: number): SearchKey {
  return {
    name,
    parse(parser) {
      const needle = parser.needle();
      return indexed(Level.summary, textField, needle, ({ summary }) =>
        fold(envelopeAddressText(summary.envelope, field)).includes(needle),
      );
    },
  };
}

/** Days of the Date header, time and zone disregarded. */
function sentKey(name: string, matches: (ms: number, dayMs: number) => boolean): SearchKey {
  return {
    name,
    parse({ reader }) {
      const dayMs = readDate(reader.sp()) * 1000;
      return summaryMatcher(({ summary, selected, index }) => {
        // Without a readable Date header the internal date stands in (RFC 5256 §2.2 does so for SORT).
        return matches(summary.sentDateMs ?? selected.view.internalDates[index]! * 1000, dayMs);
      });
    },
  };
}

export const textKeys: readonly SearchKey[] = [
  {
    name: "SUBJECT",
    parse(parser) {
      const needle = parser.needle();
      return indexed(Level.summary, "subject", needle, ({ summary }) =>
        fold(envelopeSubject(summary.envelope)).includes(needle),
      );
    },
  },
  addressKey("FROM", "from", EnvelopeField.from),
  addressKey("TO", "to", EnvelopeField.to),
  addressKey("CC", "cc", EnvelopeField.cc),
  addressKey("BCC", "bcc", EnvelopeField.bcc),
  {
    name: "HEADER",
    parse(parser) {
      const field = parser.reader.sp().astring().toLowerCase();
      const needle = parser.needle();
      // An empty string asks whether the field is there at all.
      return {
        level: Level.header,
        matches: ({ level, bytes }) =>
          level < Level.header
            ? undefined
            : fieldValues(bytes, 0, headerEnd(bytes), field).some((value) =>
                fold(decodeHeader(value)).includes(needle),
              ),
      };
    },
  },
  {
    name: "BODY",
    parse(parser) {
      const needle = parser.needle();
      return indexed(Level.body, "body", needle, ({ bytes, summary }) =>
        bodyContains(bytes, summary.root, needle),
      );
    },
  },
  {
    name: "TEXT",
    parse(parser) {
      const needle = parser.needle();
      return indexed(Level.body, "text", needle, ({ bytes, summary }) =>
        messageContains(bytes, summary.root, needle),
      );
    },
  },
  sentKey("SENTBEFORE", (ms, dayMs) => ms < dayMs),
  sentKey("SENTON", (ms, dayMs) => ms >= dayMs && ms < dayMs + DAY_MS),
  sentKey("SENTSINCE", (ms, dayMs) => ms >= dayMs),
];

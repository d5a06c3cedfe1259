/** BODY[…]<…>, BODY.PEEK[…], RFC822, RFC822.HEADER, RFC822.TEXT: RFC 9051 §6.4.5, RFC 3501 §6.4.5. */
import type { MessageSummary } from "../../mime/summary.ts";
import { writeLiteral } from "../codec/writer.ts";
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";
import type { ByteRange, FetchAttribute, FetchedMessage, FetchItem } from "./item.ts";
import { readSection, sectionBytes, sectionRange, writeSection, type Section } from "./section.ts";
import { bodyItem } from "./summaries.ts";

/** `<start.count>` of a partial fetch. */
export interface Partial {
  readonly start: number;
  readonly count: number;
}

/** "<" number64 "." nz-number64 ">"; undefined when none follows. */
export function readPartial(reader: Reader): Partial | undefined {
  if (!reader.skip("<")) return undefined;
  const start = reader.number64();
  const count = reader.expect(".").number64();
  if (count === 0) throw bad("Partial of no bytes");
  reader.expect(">");
  return { start, count };
}

/** The part of `range` that a partial fetch reads. */
export function partialRange(range: ByteRange, partial: Partial | undefined): ByteRange {
  if (partial === undefined) return range;
  const start = Math.min(range.start + partial.start, range.end);
  return { start, end: Math.min(start + partial.count, range.end) };
}

/** All of the message: its size stands in the columns, so what delivery parsed is not read at all. */
function wholeRange(_: unknown, { selected, index }: FetchedMessage): ByteRange {
  return { start: 0, end: selected.view.sizes[index]! };
}

function isWhole({ part, text }: Section): boolean {
  return part.length === 0 && text === "";
}

function sectionItem(section: Section, partial: Partial | undefined, setsSeen: boolean): FetchItem {
  // Filtered headers are cut after filtering: all of the header is needed then.
  const filtered = section.fields.length > 0;
  const ofSection = isWhole(section)
    ? wholeRange
    : (summary: MessageSummary) => sectionRange(section, summary);
  const range: FetchItem["range"] = (summary, message) => {
    const whole = ofSection(summary, message);
    return whole === undefined || filtered ? whole : partialRange(whole, partial);
  };
  return {
    needs: isWhole(section) ? "view" : "summary",
    range,
    readsAll: isWhole(section) && partial === undefined,
    setsSeen,
    write(out, message) {
      out.ascii("BODY[");
      writeSection(out, section);
      out.ascii("]");
      if (partial !== undefined) out.ascii(`<${partial.start}>`);
      out.ascii(" ");
      const found = range(message.summary, message);
      if (found === undefined) {
        // A part that is not there: NIL (nstring), as Dovecot; Cyrus sends NIL too.
        out.ascii("NIL");
        return;
      }
      let bytes = sectionBytes(section, message.slice(found.start, found.end));
      if (filtered && partial !== undefined)
        bytes = bytes.subarray(partial.start, partial.start + partial.count);
      writeLiteral(out, bytes);
    },
  };
}

/** The names of RFC 3501 for three sections. */
function oldItem(name: string, text: "" | "HEADER" | "TEXT"): FetchItem {
  const section: Section = { part: [], text, fields: [] };
  const ofSection = text === "" ? wholeRange : (summary: MessageSummary) => sectionRange(section, summary);
  return {
    needs: text === "" ? "view" : "summary",
    range: ofSection,
    readsAll: text === "",
    setsSeen: text !== "HEADER",
    write(out, message) {
      const range = ofSection(message.summary, message);
      out.ascii(`${name} `);
      writeLiteral(out, range === undefined ? Buffer.alloc(0) : message.slice(range.start, range.end));
    },
  };
}

export const bodyAttributes: readonly FetchAttribute[] = [
  {
    name: "BODY",
    parse(reader) {
      if (!reader.skip("[")) return bodyItem;
      const section = readSection(reader);
      return sectionItem(section, readPartial(reader), true);
    },
  },
  {
    name: "BODY.PEEK",
    parse(reader) {
      const section = readSection(reader.expect("["));
      return sectionItem(section, readPartial(reader), false);
    },
  },
  { name: "RFC822", parse: () => oldItem("RFC822", "") },
  { name: "RFC822.HEADER", parse: () => oldItem("RFC822.HEADER", "HEADER") },
  { name: "RFC822.TEXT", parse: () => oldItem("RFC822.TEXT", "TEXT") },
];

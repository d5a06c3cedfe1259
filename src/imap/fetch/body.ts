/** BODY[…]<…>, BODY.PEEK[…], RFC822, RFC822.HEADER, RFC822.TEXT: RFC 9051 §6.4.5, RFC 3501 §6.4.5. */
import { writeLiteral } from "../codec/writer.ts";
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";
import type { ByteRange, FetchAttribute, FetchItem } from "./item.ts";
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

function sectionItem(section: Section, partial: Partial | undefined, setsSeen: boolean): FetchItem {
  // Filtered headers are cut after filtering: all of the header is needed then.
  const filtered = section.fields.length > 0;
  const range: FetchItem["range"] = (summary) => {
    const whole = sectionRange(section, summary);
    return whole === undefined || filtered ? whole : partialRange(whole, partial);
  };
  return {
    needs: "summary",
    range,
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
  return {
    needs: "summary",
    range: (summary) => sectionRange(section, summary),
    setsSeen: text !== "HEADER",
    write(out, message) {
      const range = sectionRange(section, message.summary);
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

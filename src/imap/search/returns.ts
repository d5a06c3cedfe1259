/**
 * Result options of extended SEARCH and SORT: MIN, MAX, ALL, COUNT (RFC 4731, RFC 9051 §6.4.4), SAVE (RFC 5182),
 * PARTIAL (RFC 9394), CONTEXT and UPDATE (RFC 5267). Extensions add a line.
 */
import type { Reader } from "../codec/reader.ts";
import { readFetchList } from "../fetch/attributes.ts";
import type { FetchItem } from "../fetch/item.ts";
import { bad } from "../refusal.ts";
import type { Session } from "../session.ts";
import { STEP_ITEMS, type Steps } from "../turns.ts";
import { partOf, readPartialRange } from "./partial.ts";

/** In the order of the result: ascending for SEARCH, sorted for SORT. */
export interface SearchResult {
  readonly uids: readonly number[];
  /** The same as sequence numbers, or UIDs in the UID form. */
  readonly numbers: readonly number[];
}

export interface ReturnItem {
  readonly name: string;
  /** ` NAME value` for the ESEARCH response; "" for nothing. */
  text(result: SearchResult): string | Steps<string>;
  /** UIDs this item speaks of, when not all (RFC 5182 §2.4, RFC 9394 §3.2, RFC 7162 §3.1.10). */
  limits?(result: SearchResult): readonly number[];
  /** Only a wish: says nothing and limits nothing. */
  readonly silent?: boolean;
  /** Of UPDATE: what to fetch of new messages that match (RFC 5465 §7). */
  readonly fetches?: readonly FetchItem[];
}

type ItemReader = (reader: Reader, session: Session) => ReturnItem;

const ALL: ReturnItem = {
  name: "ALL",
  text: ({ numbers }) => (numbers.length === 0 ? "" : printing(" ALL ", numbers)),
};

const RETURN_ITEMS: ReadonlyMap<string, ItemReader> = new Map<string, ItemReader>([
  [
    "MIN",
    () => ({
      name: "MIN",
      text: ({ numbers }) => (numbers.length === 0 ? "" : ` MIN ${numbers[0]}`),
      limits: ({ uids }) => uids.slice(0, 1),
    }),
  ],
  [
    "MAX",
    () => ({
      name: "MAX",
      text: ({ numbers }) => (numbers.length === 0 ? "" : ` MAX ${numbers.at(-1)}`),
      limits: ({ uids }) => uids.slice(-1),
    }),
  ],
  ["ALL", () => ALL],
  ["COUNT", () => ({ name: "COUNT", text: ({ numbers }) => ` COUNT ${numbers.length}` })],
  ["SAVE", () => silent("SAVE")],
  [
    "PARTIAL",
    (reader) => {
      const range = readPartialRange(reader.sp());
      return {
        name: "PARTIAL",
        text({ numbers }) {
          const part = partOf(numbers, range);
          const start = ` PARTIAL (${range.text} `;
          return part.length === 0 ? `${start}NIL)` : printing(start, part, ")");
        },
        limits: ({ uids }) => partOf(uids, range),
      };
    },
  ],
  ["CONTEXT", () => silent("CONTEXT")],
  [
    "UPDATE",
    (reader, session) => {
      // RFC 5465 §8 has no space before the list, its example has one.
      const listed = reader.skip("(") || reader.skipSpaceAnd("(");
      return { ...silent("UPDATE"), fetches: listed ? readFetchList(reader, session) : [] };
    },
  ],
]);

/** `1:5,7` between two texts: long lists in steps. */
function* printing(before: string, numbers: readonly number[], after = ""): Steps<string> {
  let text = before;
  let separator = "";
  for (let i = 0; i < numbers.length;) {
    const first = numbers[i]!;
    let last = first;
    for (i++; i < numbers.length && numbers[i] === last + 1; i++) {
      last++;
      if (i % STEP_ITEMS === 0) yield;
    }
    text += first === last ? `${separator}${first}` : `${separator}${first}:${last}`;
    separator = ",";
    if (i % STEP_ITEMS === 0) yield;
  }
  return text + after;
}

function silent(name: string): ReturnItem {
  return { name, text: () => "", silent: true };
}

export class ReturnOptions {
  readonly items: readonly ReturnItem[];

  constructor(items: readonly ReturnItem[]) {
    this.items = items;
  }

  get saves(): boolean {
    return this.items.some(({ name }) => name === "SAVE");
  }

  get update(): ReturnItem | undefined {
    return this.items.find(({ name }) => name === "UPDATE");
  }

  /** With SAVE alone nothing is answered (RFC 5182 §2.1). */
  get answers(): boolean {
    return !this.items.every(({ name }) => name === "SAVE");
  }

  /** UIDs the answer is about: all, unless every item limits itself to some. */
  spokenOf(result: SearchResult): readonly number[] {
    const loud = this.items.filter((item) => item.silent !== true);
    if (loud.length === 0 || loud.some((item) => item.limits === undefined)) return result.uids;
    return [...new Set(loud.flatMap((item) => item.limits?.(result) ?? []))].sort((a, b) => a - b);
  }

  *text(result: SearchResult): Steps<string> {
    let all = "";
    for (const item of this.items) {
      const text = item.text(result);
      all += typeof text === "string" ? text : yield* text;
    }
    return all;
  }
}

/** What IMAP4rev2 answers to a SEARCH without RETURN, and RETURN () means (RFC 4731 §3.1). */
export const DEFAULT_RETURNS: ReturnOptions = new ReturnOptions([ALL]);

/** "RETURN" SP "(" … ")" SP, when it is next; undefined when the client asked for none. */
export function readReturnOptions(reader: Reader, session: Session): ReturnOptions | undefined {
  if (reader.peekKeyword() !== "RETURN") return undefined;
  reader.keyword();
  const items = reader.sp().list((inner) => {
    const name = inner.keyword();
    const read = RETURN_ITEMS.get(name);
    if (read === undefined) throw bad(`Unknown result option "${name}"`);
    return read(inner, session);
  });
  reader.sp();
  // RFC 9394 §3.1
  if (items.filter(({ name }) => name === "PARTIAL" || name === "ALL").length > 1) {
    throw bad("More than one of PARTIAL and ALL");
  }
  return items.length === 0 ? DEFAULT_RETURNS : new ReturnOptions(items);
}

/** Ranges of results: `1:500` from the first on, `-1:-100` from the last back (RFC 9394 §3.1, RFC 5267 §4.4). */
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";

export interface PartialRange {
  /** As the client wrote it: the answer repeats it. */
  readonly text: string;
  /** 1-based, first <= last. */
  readonly first: number;
  readonly last: number;
  readonly fromEnd: boolean;
}

/** partial-range = nz-number ":" nz-number / "-" nz-number ":" "-" nz-number. */
export function readPartialRange(reader: Reader): PartialRange {
  const text = reader.atom();
  const match = /^(-?)([1-9]\d{0,9}):(-?)([1-9]\d{0,9})$/.exec(text);
  if (match === null || match[1] !== match[3]) throw bad(`Bad range "${text}"`);
  const one = Number(match[2]);
  const other = Number(match[4]);
  return { text, first: Math.min(one, other), last: Math.max(one, other), fromEnd: match[1] === "-" };
}

/** The results in the range, in their order. */
export function partOf<Item>(results: readonly Item[], { first, last, fromEnd }: PartialRange): Item[] {
  if (!fromEnd) return results.slice(first - 1, last);
  const { length } = results;
  return results.slice(Math.max(length - last, 0), Math.max(length - first + 1, 0));
}

/**
 * Sets of numbers as IMAP and the sync protocol print them, `1:5,7` (RFC 9051 §9 sequence-set, without `*`): kept
 * as ranges, so that `1:4294967295` costs what `1` costs.
 */

/** Ascending, disjoint, not adjacent; both ends inclusive. */
export type NumberRanges = readonly NumberRange[];
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** Ranges of numbers that ascend (equal neighbours count once). */
export function rangesOf(ascending: Iterable<number>): NumberRange[] {
  const ranges: NumberRange[] = [];
  let first = -1;
  let last = -1;
  for (const value of ascending) {
    if (value === last + 1 && first >= 0) last = value;
    else if (value !== last) {
      if (first >= 0) ranges.push({ first, last });
      first = last = value;
    }
  }
  if (first >= 0) ranges.push({ first, last });
  return ranges;
}

/** Sorts and merges ranges in any order. */
export function normalizeRanges(ranges: readonly NumberRange[]): NumberRange[] {
  const sorted = [...ranges].sort((a, b) => a.first - b.first);
  const merged: NumberRange[] = [];
  for (const range of sorted) {
    const before = merged.at(-1);
    if (before !== undefined && range.first <= before.last + 1) {
      if (range.last > before.last) merged[merged.length - 1] = { first: before.first, last: range.last };
    } else merged.push(range);
  }
  return merged;
}

/** `1:5,7`; "" for the empty set. */
export function printRanges(ranges: NumberRanges): string {
  let text = "";
  for (const { first, last } of ranges) {
    if (text !== "") text += ",";
    text += first === last ? String(first) : `${first}:${last}`;
  }
  return text;
}

/** `1:5,7` of ascending numbers. */
export function printNumbers(ascending: Iterable<number>): string {
  return printRanges(rangesOf(ascending));
}

/** Undefined unless `text` is a set of numbers 1..2^32-1; any order, ends of a range in any order. */
export function parseRanges(text: string): NumberRange[] | undefined {
  const ranges: NumberRange[] = [];
  for (const piece of text.split(",")) {
    const match = /^([1-9][0-9]{0,9})(?::([1-9][0-9]{0,9}))?$/.exec(piece);
    if (match === null) return undefined;
    const one = Number(match[1]);
    const other = match[2] === undefined ? one : Number(match[2]);
    if (one > 0xffff_ffff || other > 0xffff_ffff) return undefined;
    ranges.push({ first: Math.min(one, other), last: Math.max(one, other) });
  }
  return normalizeRanges(ranges);
}

export function rangesInclude(ranges: NumberRanges, value: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const range = ranges[middle]!;
    if (value < range.first) high = middle - 1;
    else if (value > range.last) low = middle + 1;
    else return true;
  }
  return false;
}

/** How many numbers the ranges hold. */
export function countOf(ranges: NumberRanges): number {
  let count = 0;
  for (const { first, last } of ranges) count += last - first + 1;
  return count;
}

/** Every number, ascending. For sets that are known to be small: bound them first. */
export function* numbersOf(ranges: NumberRanges): Generator<number> {
  for (const { first, last } of ranges) for (let value = first; value <= last; value++) yield value;
}

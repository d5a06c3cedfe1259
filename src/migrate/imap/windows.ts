/** Sets of UIDs cut into pieces that are asked for at a time. */
import type { NumberRange, NumberRanges } from "../../wire/number-set.ts";

/** Pieces of at most `size` numbers, in order. */
export function* windowsOf(ranges: NumberRanges, size: number): Generator<NumberRange[]> {
  let window: NumberRange[] = [];
  let room = size;
  for (const range of ranges) {
    for (let first = range.first; first <= range.last;) {
      const last = Math.min(range.last, first + room - 1);
      window.push({ first, last });
      room -= last - first + 1;
      first = last + 1;
      if (room > 0) continue;
      yield window;
      window = [];
      room = size;
    }
  }
  if (window.length > 0) yield window;
}

/** What of the ranges lies below `limit`. */
export function below(ranges: NumberRanges, limit: number): NumberRange[] {
  return ranges
    .filter(({ first }) => first < limit)
    .map(({ first, last }) => ({ first, last: Math.min(last, limit - 1) }));
}

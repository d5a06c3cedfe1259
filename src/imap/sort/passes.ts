/** Stable sorting of positions by small numbers, in steps. The last criterion comes first, the first last. */
import { STEP_ITEMS, type Steps } from "../turns.ts";

const DIGIT_BITS = 16;
const DIGIT_BOUND = 2 ** DIGIT_BITS;
/** Whole numbers are exact up to here. */
const MAX_SPAN = Number.MAX_SAFE_INTEGER;

/** One pass: what has equal ranks, all of them below `bound`, keeps its order, also in reverse. */
export function* countingPass(
  order: Uint32Array,
  ranks: ArrayLike<number>,
  bound: number,
  reverse: boolean,
): Steps<Uint32Array<ArrayBuffer>> {
  const starts = new Uint32Array(bound + 1);
  const sign = reverse ? -1 : 1;
  const first = reverse ? bound - 1 : 0;
  for (let at = 0; at < order.length; at += STEP_ITEMS) {
    const end = Math.min(at + STEP_ITEMS, order.length);
    for (let i = at; i < end; i++) starts[first + sign * ranks[order[i]!]! + 1]!++;
    yield;
  }
  for (let at = 1; at <= bound; at += STEP_ITEMS) {
    const end = Math.min(at + STEP_ITEMS, bound + 1);
    for (let rank = at; rank < end; rank++) starts[rank]! += starts[rank - 1]!;
    if (end <= bound) yield;
  }
  const sorted = new Uint32Array(order.length);
  for (let at = 0; at < order.length; at += STEP_ITEMS) {
    const end = Math.min(at + STEP_ITEMS, order.length);
    for (let i = at; i < end; i++) {
      const item = order[i]!;
      sorted[starts[first + sign * ranks[item]!]!++] = item;
    }
    yield;
  }
  return sorted;
}

/** By whole numbers of any size: as many passes as their span has digits; none when they are in order already. */
export function* numberPasses(
  order: Uint32Array,
  values: Float64Array,
  reverse: boolean,
): Steps<Uint32Array> {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let before = reverse ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  let inOrder = true;
  for (let at = 0; at < order.length; at += STEP_ITEMS) {
    const end = Math.min(at + STEP_ITEMS, order.length);
    for (let i = at; i < end; i++) {
      const value = values[order[i]!]!;
      if (value < least) least = value;
      if (value > most) most = value;
      if (reverse ? value > before : value < before) inOrder = false;
      before = value;
    }
    yield;
  }
  if (inOrder) return order;
  const span = Math.min(most - least, MAX_SPAN);
  const digits = new Uint16Array(values.length);
  let sorted = order;
  for (let unit = 1; unit <= span; unit *= DIGIT_BOUND) {
    for (let at = 0; at < order.length; at += STEP_ITEMS) {
      const end = Math.min(at + STEP_ITEMS, order.length);
      for (let i = at; i < end; i++) {
        const item = order[i]!;
        digits[item] = Math.floor(Math.min(values[item]! - least, MAX_SPAN) / unit) % DIGIT_BOUND;
      }
      yield;
    }
    sorted = yield* countingPass(sorted, digits, DIGIT_BOUND, reverse);
  }
  return sorted;
}

/**
 * Sorts messages by ranks: each criterion gives every message a small number, and stable counting passes from the
 * last criterion to the first put them in order, whatever their number (RFC 5256 §3: ties by sequence number).
 */
import type { ColumnName } from "../columns/cache.ts";
import type { Column } from "../columns/column.ts";
import { DateColumn } from "../columns/date-column.ts";
import { StringColumn } from "../columns/string-column.ts";
import type { Session } from "../session.ts";
import type { SearchTarget } from "../search/target.ts";
import type { SortCriterion, SortKey } from "./criteria.ts";

interface Ranks {
  /** Of message i of the result; equal values have equal ranks. */
  readonly of: Uint32Array;
  /** All ranks are below. */
  readonly bound: number;
}

/** `uids`, which ascend, in the order asked for; those that are gone are left out. */
export async function sortUids(
  session: Session,
  target: SearchTarget,
  uids: readonly number[],
  criteria: readonly SortCriterion[],
): Promise<number[]> {
  const keys = [...new Set(criteria.map(({ key }) => key))];
  const names = keys.filter((key): key is SortKey & ColumnName => key !== "arrival" && key !== "size");
  const loaded = await session.shared.columns.load(session, target, names);
  const columns = new Map<SortKey, Column>(names.map((name, i) => [name, loaded[i]!]));
  const { view } = target;
  const known = Uint32Array.from(
    uids.filter((uid) => {
      for (const column of loaded) if (uid > column.lastUid) return false;
      return view.indexOf(uid) >= 0;
    }),
  );
  let order: Uint32Array = Uint32Array.from(known, (_, i) => i);
  for (const { key, reverse } of criteria.toReversed()) {
    const ranks = ranksOf(target, key, columns.get(key), known);
    order = countingPass(order, ranks, reverse);
    const pause = session.pause();
    if (pause !== undefined) await pause;
  }
  return Array.from(order, (i) => known[i]!);
}

function ranksOf({ view }: SearchTarget, key: SortKey, column: Column | undefined, uids: Uint32Array): Ranks {
  if (column instanceof StringColumn) {
    const { ranks, distinct } = column.ranks();
    const positions = column.positionsOf(uids);
    return { of: Uint32Array.from(positions, (position) => ranks[position] ?? 0), bound: distinct + 1 };
  }
  const values = key === "size" ? view.sizes : view.internalDates;
  const numbers = new Float64Array(uids.length);
  let guess = 0;
  for (let i = 0; i < uids.length; i++) {
    const index = view.uids[guess] === uids[i] ? guess : view.indexOf(uids[i]!);
    guess = index + 1;
    numbers[i] = values[index] ?? 0;
  }
  if (column instanceof DateColumn) {
    const { dates } = column;
    const positions = column.positionsOf(uids);
    for (let i = 0; i < uids.length; i++) {
      const sent = dates[positions[i]!] ?? Number.NaN;
      // Without a date that can be read the internal date stands in (RFC 5256 §2.2).
      numbers[i] = Number.isNaN(sent) ? numbers[i]! * 1000 : sent;
    }
  }
  return denseRanks(numbers);
}

/** Ranks of numbers: their place among the distinct ones. */
export function denseRanks(values: Float64Array): Ranks {
  const ranks = new Uint32Array(values.length);
  let ascends = true;
  for (let i = 1; i < values.length && ascends; i++) {
    ascends = values[i]! >= values[i - 1]!;
    ranks[i] = ranks[i - 1]! + (values[i]! > values[i - 1]! ? 1 : 0);
  }
  if (ascends) return { of: ranks, bound: values.length };
  const distinct = values.slice().sort();
  let count = 0;
  for (const value of distinct) if (count === 0 || distinct[count - 1] !== value) distinct[count++] = value;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (distinct[middle]! < value) low = middle + 1;
      else high = middle;
    }
    ranks[i] = low;
  }
  return { of: ranks, bound: count };
}

/** A stable pass: what has equal ranks keeps its order, also in reverse. */
export function countingPass(order: Uint32Array, { of, bound }: Ranks, reverse: boolean): Uint32Array {
  const starts = new Uint32Array(bound + 1);
  const last = bound - 1;
  for (const i of order) starts[(reverse ? last - of[i]! : of[i]!) + 1]!++;
  for (let rank = 1; rank <= bound; rank++) starts[rank]! += starts[rank - 1]!;
  const sorted = new Uint32Array(order.length);
  for (const i of order) sorted[starts[reverse ? last - of[i]! : of[i]!]!++] = i;
  return sorted;
}

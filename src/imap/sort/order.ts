/**
 * Sorts messages in passes: each criterion gives every message a small number, and stable counting passes from the
 * last criterion to the first put them in order, whatever their number (RFC 5256 §3: ties by sequence number).
 */
import type { ColumnName } from "../columns/cache.ts";
import type { Column } from "../columns/column.ts";
import { DateColumn } from "../columns/date-column.ts";
import { StringColumn } from "../columns/string-column.ts";
import type { SearchTarget } from "../search/target.ts";
import type { Session } from "../session.ts";
import { inTurns, STEP_ITEMS, type Steps } from "../turns.ts";
import type { SortCriterion, SortKey } from "./criteria.ts";
import { countingPass, numberPasses } from "./passes.ts";

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
  return inTurns(session, sorting(target, uids, criteria, columns));
}

function* sorting(
  target: SearchTarget,
  uids: readonly number[],
  criteria: readonly SortCriterion[],
  columns: ReadonlyMap<SortKey, Column>,
): Steps<number[]> {
  const known = yield* knownIn(target, uids, [...columns.values()]);
  const order = yield* orderOf(target, known, criteria, columns);
  return yield* taken(order, known);
}

/** Those of `uids`, which ascend, that are in the view and not newer than the columns. */
export function* knownIn(
  { view }: SearchTarget,
  uids: readonly number[],
  columns: readonly Column[],
): Steps<Uint32Array> {
  const newest = Math.min(...columns.map(({ lastUid }) => lastUid), Number.MAX_SAFE_INTEGER);
  const known = new Uint32Array(uids.length);
  let count = 0;
  for (let at = 0; at < uids.length; at += STEP_ITEMS) {
    const end = Math.min(at + STEP_ITEMS, uids.length);
    // The view may have changed since the step before.
    const here = view.uids;
    let guess = 0;
    for (let i = at; i < end; i++) {
      const uid = uids[i]!;
      if (uid > newest) break;
      const index = here[guess] === uid ? guess : view.indexOf(uid);
      if (index < 0) continue;
      guess = index + 1;
      known[count++] = uid;
    }
    yield;
  }
  return known.subarray(0, count);
}

/** The order of `uids`, which ascend, as places among them. */
export function* orderOf(
  target: SearchTarget,
  uids: Uint32Array,
  criteria: readonly SortCriterion[],
  columns: ReadonlyMap<SortKey, Column>,
): Steps<Uint32Array> {
  let order: Uint32Array = uids.map((_, place) => place);
  for (const { key, reverse } of criteria.toReversed()) {
    const column = columns.get(key);
    if (column instanceof StringColumn) {
      const { ranks, bound } = yield* column.ranksOf(uids);
      order = yield* countingPass(order, ranks, bound, reverse);
    } else {
      const values = yield* valuesOf(target, key, column, uids);
      order = yield* numberPasses(order, values, reverse);
    }
  }
  return order;
}

function* valuesOf(
  { view }: SearchTarget,
  key: SortKey,
  column: Column | undefined,
  uids: Uint32Array,
): Steps<Float64Array> {
  const values = new Float64Array(uids.length);
  const positions = column instanceof DateColumn ? yield* column.positionsOf(uids) : undefined;
  const dates = column instanceof DateColumn ? column.dates : undefined;
  for (let at = 0; at < uids.length; at += STEP_ITEMS) {
    const end = Math.min(at + STEP_ITEMS, uids.length);
    const here = view.uids;
    const numbers = key === "size" ? view.sizes : view.internalDates;
    let guess = 0;
    for (let i = at; i < end; i++) {
      const sent = positions === undefined ? Number.NaN : (dates?.[positions[i]!] ?? Number.NaN);
      if (!Number.isNaN(sent)) {
        values[i] = sent;
        continue;
      }
      const uid = uids[i]!;
      const index = here[guess] === uid ? guess : view.indexOf(uid);
      guess = index + 1;
      const number = numbers[index] ?? 0;
      // Without a date that can be read the internal date stands in (RFC 5256 §2.2).
      values[i] = positions === undefined ? number : number * 1000;
    }
    yield;
  }
  return values;
}

function* taken(order: Uint32Array, uids: Uint32Array): Steps<number[]> {
  const result: number[] = [];
  for (let at = 0; at < order.length; at += STEP_ITEMS) {
    const end = Math.min(at + STEP_ITEMS, order.length);
    for (let i = at; i < end; i++) result.push(uids[order[i]!]!);
    yield;
  }
  return result;
}

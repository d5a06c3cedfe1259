/** What SORT sorts by: RFC 5256 §3 BASE.6.4.SORT, DISPLAYFROM and DISPLAYTO RFC 5957. */
import type { ColumnName } from "../columns/cache.ts";
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";

/** Criteria of one command; each takes a pass. */
const MAX_CRITERIA = 32;

export type SortKey = "arrival" | "size" | "date" | Extract<ColumnName, `sort${string}` | `display${string}`>;

export interface SortCriterion {
  readonly key: SortKey;
  readonly reverse: boolean;
}

const KEYS: ReadonlyMap<string, SortKey> = new Map([
  ["ARRIVAL", "arrival"],
  ["CC", "sortCc"],
  ["DATE", "date"],
  ["FROM", "sortFrom"],
  ["SIZE", "size"],
  ["SUBJECT", "sortSubject"],
  ["TO", "sortTo"],
  ["DISPLAYFROM", "displayFrom"],
  ["DISPLAYTO", "displayTo"],
]);

/** sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"; sort-criterion = ["REVERSE" SP] sort-key. */
export function readSortCriteria(reader: Reader): SortCriterion[] {
  const criteria = reader.list((inner) => {
    let name = inner.keyword();
    const reverse = name === "REVERSE";
    if (reverse) name = inner.sp().keyword();
    const key = KEYS.get(name);
    if (key === undefined) throw bad(`Unknown sort key "${name}"`);
    return { key, reverse };
  });
  if (criteria.length === 0) throw bad("Nothing to sort by");
  if (criteria.length > MAX_CRITERIA) throw bad("Too many sort keys", "LIMIT");
  return criteria;
}

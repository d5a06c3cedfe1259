/**
 * Summaries of a range in one piece: SQLite puts the rows together, because a buffer of its own for each of a hundred
 * thousand rows costs more than all the rest of reading them.
 */
import { assert } from "../base/assert.ts";
import type { ReadIndex } from "./read-index.ts";

export interface SummaryRows {
  /** Ascending. */
  readonly keys: readonly number[];
  /** Of the same rows; slices of one buffer. */
  readonly bytes: readonly Buffer[];
}

/** Fewer rows are read one by one. */
const FEW_KEYS = 8;

// BLOBs go through group_concat as they are: nothing is converted in a UTF-8 database. All three columns see the rows
// in one order.
const TOGETHER = `SELECT group_concat(key) AS keys, group_concat(length(bytes)) AS lengths,
  CAST(group_concat(bytes, '') AS BLOB) AS bytes
  FROM (SELECT key, bytes FROM summaries WHERE key BETWEEN ? AND ? ORDER BY key)`;
const ONE_BY_ONE = "SELECT key, bytes FROM summaries WHERE key BETWEEN ? AND ? ORDER BY key";

/** The rows from key `first` to `last`. */
export function readSummaryRows(index: Pick<ReadIndex, "sql">, first: number, last: number): SummaryRows {
  if (last - first < FEW_KEYS) {
    const rows = index.sql(ONE_BY_ONE).all(first, last) as { key: number; bytes: Buffer }[];
    return { keys: rows.map(({ key }) => key), bytes: rows.map(({ bytes }) => bytes) };
  }
  const all = index.sql(TOGETHER).get(first, last) as
    | { keys: string; lengths: string; bytes: Buffer }
    | { keys: null };
  if (all.keys === null) return { keys: [], bytes: [] };
  const keys = all.keys.split(",").map(Number);
  const lengths = all.lengths.split(",");
  const bytes: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    const end = at + Number(length);
    bytes.push(all.bytes.subarray(at, end));
    at = end;
  }
  assert(at === all.bytes.length && bytes.length === keys.length, "summaries are as long as they say");
  return { keys, bytes };
}

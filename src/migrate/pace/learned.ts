/** What all workers together know of source hosts, for those who look on. */
import type { SqlDatabase } from "../../base/io/sql/port.ts";
import { type HostKey, type HostState, toState, WINDOW_MS } from "./host-row.ts";

export type LearnedHost = HostKey & HostState;

/** A rate is of the last whole window; a host of which nothing is taken any more tells no new one. */
const STALE_WINDOWS = 3;

/** By source and host; without a source, of all. @throws SqlError */
export async function learnedHosts(database: SqlDatabase, source?: string): Promise<readonly LearnedHost[]> {
  const rows = await database.query(
    `SELECT * FROM migrate_pace ${source === undefined ? "" : "WHERE source = $1"} ORDER BY source, host`,
    source === undefined ? [] : [source],
  );
  return rows.map((row) => ({
    source: String(row["source"]),
    host: String(row["host"]),
    ...toState(row),
  }));
}

/** Messages and bytes a second that are taken from it now. */
export function currentRate(state: HostState, nowMs: number): { messages: number; bytes: number } {
  const isStale = nowMs - state.windowStartMs > STALE_WINDOWS * WINDOW_MS;
  return isStale ? { messages: 0, bytes: 0 } : { messages: state.rateMessages, bytes: state.rateBytes };
}

/** It has asked for less, and is not known yet to bear what it did. */
export function isSlowedDown(state: HostState, nowMs: number): boolean {
  return state.learnedMessages > 0 || state.pauseUntilMs > nowMs;
}

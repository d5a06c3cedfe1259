/** The row of a source host, which all workers share; every change is one statement, so none of them waits for another. */
import type { SqlDatabase, SqlRow } from "../../base/io/sql/port.ts";

export interface HostKey {
  readonly source: string;
  readonly host: string;
}

/** What is known of a host over all workers. */
export interface HostState {
  readonly pauseUntilMs: number;
  /** Messages and bytes a second that the host was seen to bear; 0 = nothing learned. */
  readonly learnedMessages: number;
  readonly learnedBytes: number;
  /** Messages a second when it last asked for less. */
  readonly refusedMessages: number;
  /** As moved lately by all workers. */
  readonly rateMessages: number;
  readonly rateBytes: number;
  /** Since when the next rate is measured. */
  readonly windowStartMs: number;
  readonly backoffs: number;
  readonly backoffMs: number;
  readonly raisedMs: number;
  readonly reason: string;
}

/** Rates are measured over windows of this length. */
export const WINDOW_MS = 10_000;
/** Workers that hear the same refusal say so once. */
const SAME_BACKOFF_MS = 5_000;
const FIRST_PAUSE_MS = 5_000;
const MAX_PAUSE_DOUBLINGS = 6;
/** Refusals with more time between them are not one trouble any more. */
const ROW_OF_BACKOFFS_MS = 600_000;
/** Nobody is slowed down below this. */
const LEAST_MESSAGES = 1;
const LEAST_BYTES = 16_384;
const SLOWER = 0.5;
const FASTER = 1.25;
/** Without a refusal for this long the host is asked for more. */
const RAISE_AFTER_MS = 60_000;
/** Twice of what it refused once, and it bears it: what was learned no longer holds. */
const FORGET_ABOVE = 2;

const KEY = "source = $1 AND host = $2";
/** PostgreSQL would take a parameter beside a whole number for a 32-bit integer. */
const NUMBER = (parameter: number): string => `CAST($${parameter} AS double precision)`;

export class HostRow {
  readonly #database: SqlDatabase;
  readonly #key: HostKey;
  readonly #nowMs: () => number;
  #isMade = false;

  constructor(database: SqlDatabase, key: HostKey, nowMs: () => number) {
    this.#database = database;
    this.#key = key;
    this.#nowMs = nowMs;
  }

  /**
   * Reserves `costMs` of the host's time for messages or bytes; answers from when on the reserved may be used: after all
   * that was reserved before, by whomever.
   */
  async reserve(kind: "message" | "byte", costMs: number): Promise<number> {
    await this.#make();
    const column = `${kind}_at_ms`;
    const [row] = await this.#database.query(
      `UPDATE migrate_pace SET ${column} = (CASE WHEN ${column} > ${NUMBER(3)} THEN ${column} ELSE ${NUMBER(3)} END) + ${NUMBER(4)} WHERE ${KEY} RETURNING ${column} AS at_ms, pause_until_ms`,
      [...this.#values, this.#nowMs(), costMs],
    );
    return Math.max(Number(row?.["at_ms"] ?? 0) - costMs, Number(row?.["pause_until_ms"] ?? 0));
  }

  /** Adds what this worker has moved since it last told; answers how the host stands. */
  async tell(messages: number, bytes: number): Promise<HostState> {
    await this.#make();
    const nowMs = this.#nowMs();
    const isOver = `${NUMBER(5)} - window_start_ms >= ${WINDOW_MS}`;
    const perSecond = (column: string, value: string): string =>
      `CASE WHEN ${isOver} THEN (window_${column} + ${value}) * 1000 / (${NUMBER(5)} - window_start_ms) ELSE rate_${column} END`;
    const [row] = await this.#database.query(
      `UPDATE migrate_pace SET
        rate_messages = ${perSecond("messages", NUMBER(3))},
        rate_bytes = ${perSecond("bytes", NUMBER(4))},
        window_messages = CASE WHEN ${isOver} THEN 0 ELSE window_messages + ${NUMBER(3)} END,
        window_bytes = CASE WHEN ${isOver} THEN 0 ELSE window_bytes + ${NUMBER(4)} END,
        window_start_ms = CASE WHEN ${isOver} THEN ${NUMBER(5)} ELSE window_start_ms END
        WHERE ${KEY} RETURNING *`,
      [...this.#values, messages, bytes, nowMs],
    );
    const state = toState(row ?? {});
    const quietSinceMs = Math.max(state.backoffMs, state.raisedMs);
    if (state.learnedMessages === 0 || nowMs - quietSinceMs < RAISE_AFTER_MS) return state;
    return await this.#raise(state, nowMs);
  }

  /** The host asked for less: everybody pauses and goes on at half the rate that it refused. */
  async backOff(reason: string): Promise<HostState> {
    await this.#make();
    const nowMs = this.#nowMs();
    const half = (column: string, least: number): string =>
      `CASE WHEN learned_${column} > 0 AND learned_${column} * ${SLOWER} < ${least} THEN ${least}
        WHEN learned_${column} > 0 THEN learned_${column} * ${SLOWER}
        WHEN rate_${column} * ${SLOWER} < ${least} THEN ${least} ELSE rate_${column} * ${SLOWER} END`;
    const inRow = `(CASE WHEN ${NUMBER(3)} - backoff_ms > ${ROW_OF_BACKOFFS_MS} THEN 0
      WHEN backoffs_in_row >= ${MAX_PAUSE_DOUBLINGS} THEN ${MAX_PAUSE_DOUBLINGS} ELSE backoffs_in_row + 1 END)`;
    const pauses = Array.from(
      { length: MAX_PAUSE_DOUBLINGS + 1 },
      (_, doublings) => `WHEN ${doublings} THEN ${FIRST_PAUSE_MS * 2 ** doublings}`,
    );
    await this.#database.query(
      `UPDATE migrate_pace SET
        refused_messages = CASE WHEN learned_messages > 0 THEN learned_messages ELSE rate_messages END,
        learned_messages = ${half("messages", LEAST_MESSAGES)},
        learned_bytes = ${half("bytes", LEAST_BYTES)},
        backoffs = backoffs + 1,
        backoffs_in_row = ${inRow},
        pause_until_ms = ${NUMBER(3)} + (CASE ${inRow} ${pauses.join(" ")} ELSE ${FIRST_PAUSE_MS} END),
        backoff_ms = ${NUMBER(3)},
        reason = $4
        WHERE ${KEY} AND backoff_ms < ${NUMBER(3)} - ${SAME_BACKOFF_MS}`,
      [...this.#values, nowMs, reason.slice(0, 500)],
    );
    return await this.tell(0, 0);
  }

  async #raise(state: HostState, nowMs: number): Promise<HostState> {
    const isForgotten = state.learnedMessages * FASTER > Math.max(1, state.refusedMessages) * FORGET_ABOVE;
    const factor = isForgotten ? 0 : FASTER;
    // Of several workers one raises it.
    const [row] = await this.#database.query(
      `UPDATE migrate_pace SET learned_messages = learned_messages * ${NUMBER(3)}, learned_bytes = learned_bytes * ${NUMBER(3)}, raised_ms = ${NUMBER(4)}
        WHERE ${KEY} AND raised_ms = ${NUMBER(5)} AND backoff_ms = ${NUMBER(6)} RETURNING *`,
      [...this.#values, factor, nowMs, state.raisedMs, state.backoffMs],
    );
    return row === undefined ? state : toState(row);
  }

  get #values(): readonly [string, string] {
    return [this.#key.source, this.#key.host];
  }

  async #make(): Promise<void> {
    if (this.#isMade) return;
    const zeros = Array.from({ length: 15 }, () => "0").join(", ");
    await this.#database.query(
      `INSERT INTO migrate_pace VALUES ($1, $2, ${zeros}, '') ON CONFLICT (source, host) DO NOTHING`,
      this.#values,
    );
    this.#isMade = true;
  }
}

export function toState(row: SqlRow): HostState {
  const number = (column: string): number => Number(row[column] ?? 0);
  return {
    pauseUntilMs: number("pause_until_ms"),
    learnedMessages: number("learned_messages"),
    learnedBytes: number("learned_bytes"),
    refusedMessages: number("refused_messages"),
    rateMessages: number("rate_messages"),
    rateBytes: number("rate_bytes"),
    windowStartMs: number("window_start_ms"),
    backoffs: number("backoffs"),
    backoffMs: number("backoff_ms"),
    raisedMs: number("raised_ms"),
    reason: String(row["reason"] ?? ""),
  };
}

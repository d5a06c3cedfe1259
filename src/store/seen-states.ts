/** \Seen of users other than the owner, with the sets in use kept parsed. */
import { Lru } from "../base/lru.ts";
import { parseRanges, type NumberRanges } from "../wire/number-set.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { SeenState, UserId } from "./model.ts";
import type { SeenStates, WriteOptions } from "./port.ts";
import type { ReadIndex } from "./read-index.ts";
import type { WriteGate } from "./write-gate.ts";

const MAX_PARSED_SETS = 10_000;

interface SeenRow {
  readonly user_id: string;
  readonly unique_id: string;
  readonly last_read: number;
  readonly last_uid: number;
  readonly last_change: number;
  readonly seen_uids: string;
}

function fromRow(row: SeenRow): SeenState {
  return {
    userId: row.user_id,
    uniqueId: row.unique_id,
    lastRead: row.last_read,
    lastUid: row.last_uid,
    lastChange: row.last_change,
    seenUids: row.seen_uids,
  };
}

export class StoredSeenStates implements SeenStates {
  readonly #index: ReadIndex;
  readonly #queue: CommitQueue;
  readonly #gate: WriteGate;
  readonly #parsed = new Lru<string, NumberRanges>({ maxEntries: MAX_PARSED_SETS });
  generation = 0;

  constructor(index: ReadIndex, queue: CommitQueue, gate: WriteGate) {
    this.#index = index;
    this.#queue = queue;
    this.#gate = gate;
  }

  ofUser(user: UserId): SeenState[] {
    const rows = this.#index.sql("SELECT * FROM seen_states WHERE user_id = ? ORDER BY unique_id").all(user);
    return (rows as SeenRow[]).map(fromRow);
  }

  ofOthers(owner: UserId, uniqueIds: readonly string[]): SeenState[] {
    const rows = this.#index
      .sql(
        `SELECT * FROM seen_states WHERE unique_id IN (SELECT value FROM json_each(?)) AND user_id <> ?
         ORDER BY user_id, unique_id`,
      )
      .all(JSON.stringify(uniqueIds), owner);
    return (rows as SeenRow[]).map(fromRow);
  }

  get(user: UserId, uniqueId: string): SeenState | undefined {
    const row = this.#index
      .sql("SELECT * FROM seen_states WHERE user_id = ? AND unique_id = ?")
      .get(user, uniqueId);
    return row === undefined ? undefined : fromRow(row as SeenRow);
  }

  async set(state: SeenState, options?: WriteOptions): Promise<void> {
    this.#gate.checkUniqueId(state.uniqueId, state.userId, options);
    await this.#queue.run("setSeen", state);
  }

  rangesOf(user: UserId, uniqueId: string): NumberRanges {
    const key = `${user}\0${uniqueId}`;
    let ranges = this.#parsed.get(key);
    if (ranges === undefined) {
      ranges = parseRanges(this.get(user, uniqueId)?.seenUids ?? "") ?? [];
      this.#parsed.set(key, ranges);
    }
    return ranges;
  }

  /** Shows a commit: "user\0uniqueId" of the states it changed. */
  changed(keys: readonly string[]): void {
    if (keys.length === 0) return;
    this.generation++;
    for (const key of keys) this.#parsed.delete(key);
  }

  /** Users or mailboxes came, went or changed their names. */
  forgetAll(): void {
    this.generation++;
    this.#parsed.clear();
  }
}

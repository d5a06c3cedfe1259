/**
 * The only writer of a store. `run` takes a batch of operations and makes it durable: bodies written and synced, then
 * one transaction. Each operation is atomic by itself: a refused one changes nothing, and one that fails half way (a bug)
 * takes the batch back, after which the others are run without it.
 */
import type Database from "better-sqlite3";
import type { Disk } from "../../base/io/disk.ts";
import type { Random } from "../../base/io/random.ts";
import type { Clock } from "../../base/io/clock.ts";
import { diskError } from "./disk-error.ts";
import { StoreError } from "../errors.ts";
import type { CommitDelta, CommitReport, Operation, OperationKind, Outcome } from "../operations.ts";
import type { FeedEntry } from "../port.ts";
import { append, deliver, replace, unexpunge } from "./append.ts";
import { apply } from "./apply.ts";
import { Batch } from "./batch.ts";
import { BodyStore } from "./body-store.ts";
import { annotate, copy, expunge, storeFlags } from "./change.ts";
import { archiveBodies, compactSegment, removeSegments } from "./compact.ts";
import { expire } from "./expiry.ts";
import { createWith, deleteWith, renameWith, setHeader } from "./mailboxes.ts";
import { renumberWith } from "./renumber.ts";
import type { Apply } from "./operation.ts";
import {
  adjustBodies,
  adjustSegments,
  rebuildGrants,
  rebuildMailbox,
  rebuildSummaries,
  removeBodies,
  removeOrphans,
  resetFeed,
  salvageBody,
} from "./repair.ts";
import {
  advance,
  follow,
  recountQuota,
  removeQuota,
  setAnnotations,
  setQuota,
  setSeen,
  subscribe,
  unfollow,
} from "./settings.ts";
import { deleteUserWith, renameUser } from "./users.ts";
import { WriteIndex } from "./write-index.ts";

/** Feed entries kept at most; a follower that is further behind compares in full. */
export const MAX_FEED_ENTRIES = 1_000_000;
/** How often the feed is trimmed, in entries written. */
const TRIM_EVERY = 1_000;
const UNIQUE_ID_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz";
const UNIQUE_ID_LENGTH = 24;

export interface CommitterOptions {
  readonly folder: string;
  readonly database: Database.Database;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  /** Size at which a segment is closed; undefined = SEGMENT_BYTES. */
  readonly segmentBytes?: number | undefined;
}

type Table = { readonly [K in OperationKind]: Apply<K> };

export class Committer {
  readonly #options: CommitterOptions;
  readonly #index: WriteIndex;
  readonly #bodies: BodyStore;
  readonly #batch: Batch;
  readonly #table: Table;
  #commit: number;
  #feedHead: number;
  #feedTail: number;
  #untrimmed = 0;
  /** Set when a rollback itself failed: nothing is written until it succeeds. */
  #needsRollback = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#index = new WriteIndex(options.database);
    this.#bodies = new BodyStore(options.folder, options.disk, this.#index, options.segmentBytes);
    this.#bodies.sweep();
    this.#batch = new Batch(this.#index, this.#bodies, options.disk);
    this.#commit = this.#index.meta("commit");
    this.#feedHead = this.#index.meta("feed_head");
    this.#feedTail = this.#index.meta("feed_tail");
    const newUniqueId = (): string => {
      let id = "";
      for (let i = 0; i < UNIQUE_ID_LENGTH; i++)
        id += UNIQUE_ID_LETTERS[options.random.below(UNIQUE_ID_LETTERS.length)]!;
      return id;
    };
    this.#table = {
      append,
      deliver,
      replace,
      unexpunge,
      storeFlags,
      expunge,
      copy,
      annotate,
      create: createWith(newUniqueId),
      delete: deleteWith(newUniqueId),
      rename: renameWith(newUniqueId),
      renumber: renumberWith(newUniqueId),
      setHeader,
      deleteUser: deleteUserWith(newUniqueId),
      renameUser,
      apply,
      setAnnotations,
      setSeen,
      subscribe,
      setQuota,
      removeQuota,
      recountQuota,
      follow,
      advance,
      unfollow,
      expire,
      compactSegment,
      removeSegments,
      archiveBodies,
      takeFindings: (batch) => batch.bodies.takeFindings(),
      rebuildGrants,
      rebuildMailbox,
      adjustBodies,
      removeBodies,
      rebuildSummaries,
      salvageBody,
      adjustSegments,
      removeOrphans,
      resetFeed,
    };
  }

  /** Never throws for what an operation or the disk does: every operation gets its outcome. */
  run(operations: readonly Operation[]): CommitReport {
    const outcomes: Outcome[] = [];
    for (;;) {
      const report = this.#attempt(operations, outcomes);
      if (report !== undefined) return report;
    }
  }

  close(): void {
    this.#bodies.close();
  }

  /** Undefined when one operation was found to be the cause of a failure: its outcome is set, the others run again. */
  #attempt(operations: readonly Operation[], outcomes: Outcome[]): CommitReport | undefined {
    const { database } = this.#options;
    const culprits = new Map(outcomes.entries());
    const now = this.#options.clock.nowMs();
    const results: Outcome[] = [];
    try {
      if (this.#needsRollback) this.#rollBack();
      this.#batch.begin(Math.floor(now / 1000));
      database.exec("BEGIN IMMEDIATE");
      for (const [position, operation] of operations.entries()) {
        const known = culprits.get(position);
        if (known !== undefined) {
          results.push(known);
          continue;
        }
        const before = this.#batch.changes;
        const outcome = this.#apply(operation);
        if (!outcome.ok && (outcome.code === undefined || this.#batch.changes !== before)) {
          this.#rollBack();
          outcomes[position] = outcome;
          return undefined;
        }
        results.push(outcome);
      }
      return this.#flush(results, now);
    } catch (error) {
      return this.#failed(operations, error);
    }
  }

  #apply(operation: Operation): Outcome {
    try {
      const run = this.#table[operation.kind] as Apply<OperationKind>;
      const value = run(this.#batch, operation.args, operation.bodies);
      return { ok: true, value };
    } catch (error) {
      const known = error instanceof StoreError ? error : diskError(error);
      const stack = error instanceof Error ? (error.stack ?? "") : "";
      const message = error instanceof Error ? error.message : String(error);
      return { ok: false, code: known?.code, message: known?.message ?? message, stack };
    }
  }

  #flush(outcomes: Outcome[], nowMs: number): CommitReport {
    const { database } = this.#options;
    const states = this.#batch.dirtyStates();
    const isChanged = this.#batch.changes > 0 || states.length > 0;
    const commit = isChanged ? this.#commit + 1 : this.#commit;
    const feed: FeedEntry[] = [];
    let head = this.#feedHead;
    let tail = this.#feedTail;
    if (isChanged) {
      this.#bodies.flush();
      for (const state of states) state.flush(commit);
      this.#batch.quotas.flush();
      this.#batch.finishFlush();
      for (const entry of this.#batch.takeFeed()) feed.push({ ...entry, sequence: ++head, atMs: nowMs });
      for (const entry of feed) this.#index.insertFeed(entry);
      this.#index.setMeta("commit", commit);
      if (feed.length > 0) this.#index.setMeta("feed_head", head);
      tail = this.#trimFeed(feed.length, head);
    }
    database.exec("COMMIT");
    this.#commit = commit;
    this.#feedHead = head;
    this.#feedTail = tail;
    if (isChanged) this.#bodies.committed();
    const deltas: CommitDelta[] = states.map((state) => state.takeDelta());
    const seenChanged = [...this.#batch.seenChanged];
    this.#batch.trim();
    return { commit, outcomes, deltas, feed, feedHead: head, feedTail: tail, seenChanged };
  }

  /** Drops entries that all followers have passed, or that are beyond the bound. */
  #trimFeed(added: number, head: number): number {
    if (this.#batch.isFeedReset) return this.#dropFeed(head + 1);
    this.#untrimmed += added;
    if (this.#untrimmed < TRIM_EVERY) return this.#feedTail;
    this.#untrimmed = 0;
    const slowest = this.#index.sql("SELECT min(position) FROM followers").pluck().get() as number | null;
    const keepFrom = Math.max(Math.min(slowest ?? head, head) + 1, head - MAX_FEED_ENTRIES + 1);
    return keepFrom <= this.#feedTail ? this.#feedTail : this.#dropFeed(keepFrom);
  }

  #dropFeed(keepFrom: number): number {
    this.#index.sql("DELETE FROM feed WHERE sequence < ?").run(keepFrom);
    this.#index.setMeta("feed_tail", keepFrom);
    return keepFrom;
  }

  /** The batch did not reach the disk: everybody is told, nothing of it is kept. */
  #failed(operations: readonly Operation[], error: unknown): CommitReport {
    const known = diskError(error);
    if (known === undefined && !(error instanceof Error)) throw error;
    const cause = error as Error;
    try {
      this.#rollBack();
    } catch {
      this.#needsRollback = true;
    }
    // A simulated power cut or a bug outside any operation ends the committer.
    if (known === undefined) throw cause;
    const outcome: Outcome = {
      ok: false,
      code: known.code,
      message: known.message,
      stack: cause.stack ?? "",
    };
    return {
      commit: this.#commit,
      outcomes: operations.map(() => outcome),
      deltas: [],
      feed: [],
      feedHead: this.#feedHead,
      feedTail: this.#feedTail,
      seenChanged: [],
    };
  }

  #rollBack(): void {
    const { database } = this.#options;
    if (database.inTransaction) database.exec("ROLLBACK");
    this.#index.reload();
    this.#batch.reset();
    this.#bodies.rolledBack();
    this.#needsRollback = false;
  }
}

/**
 * What keeps a store tidy while it serves: expiry, compaction, the archive, checks, backups. Everything that changes
 * the store goes through the commit queue in small steps, so that deliveries get their turn between two of them.
 */
import type { Clock, Timer } from "../../base/io/clock.ts";
import type { Disk } from "../../base/io/disk.ts";
import type { Log } from "../../base/log.ts";
import type { CommitQueue } from "../commit-queue.ts";
import type { Store } from "../port.ts";
import type { ReadIndex } from "../read-index.ts";
import { archiveMessages, type ArchivePolicy, type ArchiveReport } from "./archive.ts";
import { backupStore, type BackupOptions, type BackupReport } from "./backup-store.ts";
import { SegmentReader } from "./check/check-bodies.ts";
import type { CheckOptions } from "./check/check-store.ts";
import type { CheckEvent, RepairPlan } from "./check/finding.ts";
import { repairStore } from "./check/repair-store.ts";
import { runCheck } from "./check/run-check.ts";
import { compactSegments, type CompactOptions, type CompactReport } from "./compaction.ts";

export interface MaintenanceParts {
  readonly folder: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log | undefined;
  readonly queue: CommitQueue;
  readonly index: ReadIndex;
}

export interface MaintenancePolicy {
  /** Between two rounds. */
  readonly intervalMs: number;
  /** Undefined = no archive. */
  readonly archive: ArchivePolicy | undefined;
  /** Segments with a smaller live part are rewritten; 0 = none. */
  readonly compactBelow: number;
  /** Smaller ones are not worth the trouble. */
  readonly compactFromBytes: number;
}

export class Maintenance {
  readonly #parts: MaintenanceParts;
  readonly #store: Store;
  #holds = 0;
  #timer: Timer | undefined;
  #isStopped = false;
  #round: Promise<void> | undefined;

  constructor(parts: MaintenanceParts, store: Store) {
    this.#parts = parts;
    this.#store = store;
  }

  get folder(): string {
    return this.#parts.folder;
  }

  /** While held, no segment file goes away: for whoever reads files by a snapshot of the index. Call what it returns. */
  hold(): () => Promise<void> {
    this.#holds++;
    let isHeld = true;
    return async () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds--;
      await this.#removeEmpty();
    };
  }

  async #removeEmpty(): Promise<number> {
    if (this.#holds > 0) return 0;
    const empty = this.#parts.index.sql("SELECT count(*) FROM segments WHERE active = 2").pluck().get();
    if (empty === 0) return 0;
    return (await this.#parts.queue.run("removeSegments", {})).removed;
  }

  /** Rewrites segments of which little is live. */
  async compact(options: CompactOptions): Promise<CompactReport & { readonly removed: number }> {
    const report = await compactSegments(this.#parts, options);
    return { ...report, removed: await this.#removeEmpty() };
  }

  /** Moves old and big messages to the archive. Clients see no difference. */
  async archive(policy: ArchivePolicy): Promise<ArchiveReport> {
    const nowSeconds = Math.floor(this.#parts.clock.nowMs() / 1000);
    return await archiveMessages(this.#parts, this.#store, policy, nowSeconds);
  }

  async expire(): Promise<{ messages: number; mailboxes: number }> {
    return await this.#store.expire(Math.floor(this.#parts.clock.nowMs() / 1000));
  }

  /** Reads everything in a thread of its own; the plan says what a repair would do. */
  async check(options: CheckOptions, onEvent: (event: CheckEvent) => void): Promise<RepairPlan> {
    const release = this.hold();
    try {
      for (const text of await this.#parts.queue.run("takeFindings", {})) {
        onEvent({ kind: "finding", finding: { kind: "file_unknown", text: `at the last start: ${text}` } });
      }
      return await runCheck(this.#parts.folder, this.#parts.disk, options, onEvent);
    } finally {
      await release();
    }
  }

  async repair(plan: RepairPlan, said: (text: string) => void): Promise<void> {
    const { queue, index, folder, disk } = this.#parts;
    const reader = new SegmentReader({ folder, disk });
    try {
      await repairStore({ queue, index, reader, store: this.#store }, plan, said);
    } finally {
      reader.close();
    }
  }

  /** Copies the whole data folder while it is served. */
  async backup(options: Omit<BackupOptions, "folder" | "nowMs">): Promise<BackupReport> {
    const release = this.hold();
    try {
      return await backupStore({ ...options, folder: this.folder, nowMs: this.#parts.clock.nowMs() });
    } finally {
      await release();
    }
  }

  /** Rounds of expiry, archive and compaction from now on. */
  start(policy: MaintenancePolicy): void {
    const next = () => {
      if (this.#isStopped) return;
      this.#timer = this.#parts.clock.setTimer(policy.intervalMs, () => {
        this.#round = this.round(policy).then(next);
      });
    };
    void this.#logFindings();
    next();
  }

  async #logFindings(): Promise<void> {
    try {
      for (const finding of await this.#parts.queue.run("takeFindings", {})) {
        this.#parts.log?.error("segments are not as they should be", { finding, next: "rookery check" });
      }
    } catch (error) {
      this.#parts.log?.error("maintenance failed", { err: error });
    }
  }

  /** One round. What fails is logged: the next round tries again. */
  async round(policy: MaintenancePolicy): Promise<void> {
    const { log } = this.#parts;
    try {
      const expired = await this.expire();
      const archived = policy.archive === undefined ? undefined : await this.archive(policy.archive);
      const compacted = await this.compact({
        belowLive: policy.compactBelow,
        minBytes: policy.compactFromBytes,
      });
      log?.info("maintenance done", {
        expiredMessages: expired.messages,
        expiredMailboxes: expired.mailboxes,
        archivedBodies: archived?.moved ?? 0,
        compactedSegments: compacted.segments,
        removedSegments: compacted.removed,
      });
    } catch (error) {
      if (!this.#isStopped) log?.error("maintenance failed", { err: error });
    }
  }

  /** The round under way ends at its next step, when the queue refuses it. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** For tests: resolves when the round under way is over. */
  async settled(): Promise<void> {
    await this.#round;
  }
}

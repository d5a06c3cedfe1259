/** Opens a data folder: creates or upgrades the index, starts the committer, puts the store together. */
import { dirname, resolve } from "node:path";
import type { Clock } from "../base/io/clock.ts";
import { systemClock } from "../base/io/clock.ts";
import type { Disk } from "../base/io/disk.ts";
import type { Random } from "../base/io/random.ts";
import { systemRandom } from "../base/io/random.ts";
import { systemDisk } from "../base/io/system-disk.ts";
import type { Log } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import { StoredAnnotations } from "./annotations.ts";
import { filesOfDisk, systemFiles } from "../base/io/body-files.ts";
import { BodyReader } from "./body-reader.ts";
import { Catalog } from "./catalog.ts";
import { Changes } from "./changes.ts";
import { CommitQueue, type CommitRunner } from "./commit-queue.ts";
import { CommitterThread, runInline } from "./commit-runners.ts";
import { Committer } from "./committer/committer.ts";
import { openDatabase } from "./committer/open-database.ts";
import { StoredFeed } from "./feed.ts";
import type { StoreError } from "./errors.ts";
import { storeMetrics } from "./metrics.ts";
import type { ExpiryDays } from "./operations.ts";
import type { CommitWitness, Authority, OwnershipGuard } from "./port.ts";
import { StoredQuotas } from "./quotas.ts";
import { indexPath, ReadIndex, Snapshots } from "./read-index.ts";
import { RecordReader } from "./record-reader.ts";
import { StoredSeenStates } from "./seen-states.ts";
import { Staging } from "./staging.ts";
import { DiskStore } from "./disk-store.ts";
import { StoredSubscriptions } from "./subscriptions.ts";
import { Views } from "./views.ts";
import { WriteGate } from "./write-gate.ts";

export interface StoreSettings {
  /** Memory for views that nobody holds. */
  readonly warmViewBytes: number;
  readonly maxMessageBytes: number;
  /** Pages of the index that the committer keeps. */
  readonly indexCacheBytes: number;
  readonly expiry: ExpiryDays;
}

export const DEFAULT_STORE_SETTINGS: StoreSettings = {
  warmViewBytes: 256 * 2 ** 20,
  maxMessageBytes: 2 ** 30,
  indexCacheBytes: 64 * 2 ** 20,
  expiry: { expungedDays: 7, deletedDays: 7, duplicateDays: 3, tombstoneDays: 30 },
};

export interface OpenStoreOptions {
  /** The data folder; made when it is not there. */
  readonly folder: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly disk?: Disk;
  readonly log?: Log;
  readonly metrics?: Metrics;
  readonly settings?: Partial<StoreSettings>;
  readonly authority?: Authority;
  readonly guard?: OwnershipGuard;
  readonly witness?: CommitWitness;
  /** The committer is gone: nothing can be written until the store is opened again. */
  readonly onFailure?: (error: StoreError) => void;
  /** Commits in this thread. */
  readonly inline?: boolean;
  /** Size at which a segment is closed, for a committer in this thread. */
  readonly segmentBytes?: number;
}

/** Alone in the world: every name is free to take. */
const ownAuthority: Authority = {
  reserve: () => Promise.resolve({ activate: () => Promise.resolve(), release: () => Promise.resolve() }),
};
const ownGuard: OwnershipGuard = {
  check() {
    // Every user is this process's own.
  },
};

export async function openStore(options: OpenStoreOptions): Promise<DiskStore> {
  const { folder, clock = systemClock, random = systemRandom, disk = systemDisk, log } = options;
  const { guard = ownGuard, authority = ownAuthority } = options;
  const settings = { ...DEFAULT_STORE_SETTINGS, ...options.settings };
  makeFolders(folder, disk);
  Staging.sweep(folder, disk);
  // With a disk of its own the committer cannot be in another thread.
  const isInline = options.inline === true || disk !== systemDisk;
  // The tables must be there before anybody reads; a committer in this thread goes on with the connection.
  const database = openDatabase(indexPath(folder), settings.indexCacheBytes);
  let runner: CommitRunner;
  if (isInline) {
    runner = runInline(
      new Committer({ folder, database, disk, clock, random, segmentBytes: options.segmentBytes }),
      database,
    );
  } else {
    database.close();
    const thread = new CommitterThread(folder, settings.indexCacheBytes);
    await thread.ready;
    runner = thread;
  }
  const index = new ReadIndex(folder);
  const snapshots = new Snapshots(folder);
  const metrics = options.metrics === undefined ? undefined : storeMetrics(options.metrics);
  const catalog = new Catalog(index);
  // The queue tells `changes` of commits, which needs what needs the queue.
  const queue: CommitQueue = new CommitQueue({
    runner,
    nowMs: () => clock.monotonicMs(),
    log,
    onReport: (report) => changes.show(report),
    ...(options.onFailure === undefined ? {} : { onFailure: options.onFailure }),
    ...(metrics === undefined
      ? {}
      : {
          onBatch: (count: number, startedMs: number) =>
            metrics.batch(count, clock.monotonicMs() - startedMs),
        }),
  });
  const gate = new WriteGate({ catalog, guard, authority, log });
  const annotations = new StoredAnnotations(index, queue, catalog, gate);
  const seen = new StoredSeenStates(index, queue, gate);
  const annotationsOf = annotations.ofMessage.bind(annotations);
  const views = new Views(snapshots, { seen, annotationsOf }, settings.warmViewBytes);
  const feed: StoredFeed = new StoredFeed(index, queue, (error) => changes.listenerFailed(error));
  const changes = new Changes({ catalog, views, seen, feed }, log);
  const files = disk === systemDisk ? systemFiles : filesOfDisk(disk);
  const records = new RecordReader(index, catalog);
  metrics?.watch(queue, views);
  return new DiskStore({
    witness: options.witness,
    queue,
    index,
    snapshots,
    catalog,
    views,
    feed,
    annotations,
    seen,
    changes,
    records,
    gate,
    log,
    folder,
    disk,
    clock,
    quotas: new StoredQuotas(index, queue, gate),
    subscriptions: new StoredSubscriptions(index, queue, gate),
    staging: new Staging({ folder, files, random, maxMessageBytes: settings.maxMessageBytes }),
    bodies: new BodyReader({ folder, index, views, records, files }),
    expiryDays: settings.expiry,
  });
}

/**
 * The folder's own name must be durable, too; names inside it the committer sees to. The index database lies on the real
 * file system in any case.
 */
function makeFolders(folder: string, disk: Disk): void {
  if (disk !== systemDisk) systemDisk.makeFolder(folder);
  disk.makeFolder(folder);
  disk.syncFolder(dirname(resolve(folder)));
}

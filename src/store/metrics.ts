import type { Metrics } from "../base/metrics.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { Views } from "./views.ts";

const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

export interface StoreMetrics {
  batch(operations: number, durationMs: number): void;
  watch(queue: CommitQueue, views: Views): void;
}

export function storeMetrics(metrics: Metrics): StoreMetrics {
  const room = metrics.room("store");
  const operations = room.counter("operations_total", "Operations committed or refused.");
  const seconds = room.histogram(
    "commit_seconds",
    "Time from sending a batch to the committer to its report.",
  );
  const sizes = room.histogram("commit_batch_items", "Operations in a batch.", [], BATCH_BUCKETS);
  return {
    batch(count, durationMs) {
      operations.inc(count);
      seconds.observe(durationMs / 1000);
      sizes.observe(count);
    },
    watch(queue, views) {
      room.gauge("waiting_operations", "Operations that wait for the committer.", () => queue.waiting);
      room.gauge("held_views", "Mailbox views that sessions hold.", () => views.held);
      room.gauge("warm_view_bytes", "Memory of views that nobody holds.", () => views.warmBytes);
    },
  };
}

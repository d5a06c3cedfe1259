import type { Counter, RoomMetrics } from "../base/metrics.ts";

export interface QueueMetrics {
  /** By what became of it: queued, repeated, limited. */
  readonly submissions: Counter<"kind" | "status">;
  /** Attempts to hand over: sent, put off, failed. */
  readonly attempts: Counter<"status">;
}

export function queueMetrics(room: RoomMetrics, waiting: () => number): QueueMetrics {
  room.gauge("waiting", "Mails that wait to be sent.", waiting);
  return {
    submissions: room.counter("submissions_total", "Mails given to the queue.", ["kind", "status"]),
    attempts: room.counter("attempts_total", "Attempts to hand a mail over.", ["status"]),
  };
}

import type { Counter, Histogram, RoomMetrics } from "../base/metrics.ts";

export interface DeliveryMetrics {
  /** One for each copy asked for: delivered, duplicate, discarded, refused. */
  readonly copies: Counter<"status">;
  readonly latency: Histogram;
}

export function deliveryMetrics(room: RoomMetrics): DeliveryMetrics {
  return {
    copies: room.counter("copies_total", "Copies of messages by what became of them.", ["status"]),
    latency: room.histogram("duration_seconds", "Time from the whole message to its last copy on disk."),
  };
}

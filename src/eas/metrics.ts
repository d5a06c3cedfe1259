import type { Counter, Histogram, RoomMetrics } from "../base/metrics.ts";

export interface EasMetrics {
  /** By command and HTTP status; the time that a request is held does not count. */
  readonly requests: Histogram<"command" | "status">;
  readonly refusals: Counter<"reason">;
  /** Items sent to devices and taken from them. */
  readonly items: Counter<"direction" | "kind">;
  readonly sentBytes: Counter;
}

export function easMetrics(room: RoomMetrics): EasMetrics {
  return {
    requests: room.histogram("request_seconds", "How long requests of devices take, without being held.", [
      "command",
      "status",
    ]),
    refusals: room.counter("refusals_total", "Requests refused before their command, by reason.", ["reason"]),
    items: room.counter("items_total", "Items changed, deleted or fetched, by direction.", [
      "direction",
      "kind",
    ]),
    sentBytes: room.counter("sent_bytes_total", "Bytes of answers before compression."),
  };
}

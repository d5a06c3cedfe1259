import type { Counter, Gauge, RoomMetrics } from "../base/metrics.ts";

export interface Pop3Metrics {
  readonly sessions: Gauge;
  readonly logins: Counter;
  readonly retrieved: Counter;
  readonly deleted: Counter;
}

export function pop3Metrics(room: RoomMetrics): Pop3Metrics {
  return {
    sessions: room.gauge("sessions", "Open sessions."),
    logins: room.counter("logins_total", "Logins that opened a maildrop."),
    retrieved: room.counter("retrieved_total", "Messages sent whole."),
    deleted: room.counter("deleted_total", "Messages removed at QUIT."),
  };
}

import type { Counter, Gauge, RoomMetrics } from "../base/metrics.ts";

export interface ManagesieveMetrics {
  readonly sessions: Gauge;
  readonly commands: Counter<"command" | "status">;
}

export function managesieveMetrics(room: RoomMetrics): ManagesieveMetrics {
  return {
    sessions: room.gauge("sessions", "Open sessions."),
    commands: room.counter("commands_total", "Commands by name and answer.", ["command", "status"]),
  };
}

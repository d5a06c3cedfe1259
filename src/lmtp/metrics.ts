import type { Counter, Gauge, RoomMetrics } from "../base/metrics.ts";

export interface LmtpMetrics {
  readonly sessions: Gauge;
  /** Whole messages, accepted for at least one recipient or not. */
  readonly messages: Counter;
  readonly bytes: Counter;
  /** Recipients by the first digits of their last reply. */
  readonly recipients: Counter<"code">;
}

export function lmtpMetrics(room: RoomMetrics): LmtpMetrics {
  return {
    sessions: room.gauge("sessions", "Open sessions."),
    messages: room.counter("messages_total", "Messages received whole."),
    bytes: room.counter("received_bytes_total", "Bytes of messages received."),
    recipients: room.counter("recipients_total", "Recipients by reply code after the message.", ["code"]),
  };
}

import type { RoomMetrics } from "../../base/metrics.ts";
import type { PacesPorts } from "./pace.ts";

/** For `Paces`: how source hosts stand, as this worker last heard. */
export function paceMetrics(room: RoomMetrics): NonNullable<PacesPorts["onState"]> {
  const labels = ["source", "host"] as const;
  const messages = room.labelledGauge(
    "host_learned_messages_per_second",
    "What a source host was seen to bear; 0 = nothing learned.",
    labels,
  );
  const bytes = room.labelledGauge(
    "host_learned_bytes_per_second",
    "What a source host was seen to bear; 0 = nothing learned.",
    labels,
  );
  const backoffs = room.labelledGauge(
    "host_backoffs",
    "How often a source host asked for less or got slow, over all workers.",
    labels,
  );
  return ({ source, host }, state) => {
    messages.set({ source, host }, state.learnedMessages);
    bytes.set({ source, host }, state.learnedBytes);
    backoffs.set({ source, host }, state.backoffs);
  };
}

/** What a host has taught by asking for less, in few words. */
import type { HostState } from "../../../migrate/pace/host-row.ts";
import { isSlowedDown, type LearnedHost } from "../../../migrate/pace/learned.ts";
import { formatBytes } from "../../output.ts";

/** As in a column; "" = it bears what it is asked for. */
export function learnedText(state: HostState | undefined, nowMs: number): string {
  if (state === undefined || !isSlowedDown(state, nowMs)) return "";
  const parts = state.learnedMessages > 0 ? [ratesText(state)] : [];
  if (state.pauseUntilMs > nowMs) parts.push(`paused ${Math.ceil((state.pauseUntilMs - nowMs) / 1000)} s`);
  return parts.join(", ");
}

/** `12.5 messages/s and 1.2 MiB/s` */
export function ratesText({ learnedMessages, learnedBytes }: HostState): string {
  return `${learnedMessages.toFixed(1)} messages/s and ${formatBytes(Math.round(learnedBytes))}/s`;
}

export function learnedOf(
  hosts: readonly LearnedHost[],
  source: string,
  host: string,
): LearnedHost | undefined {
  return hosts.find((one) => one.source === source && one.host === host);
}

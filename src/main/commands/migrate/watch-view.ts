/** The picture that `rookery migrate watch` draws, and the line that it writes where there is no terminal. */
import type { Overview, RunningJob } from "../../../migrate/plan/overview.ts";
import type { Rates } from "../../../migrate/plan/rates.ts";
import { formatBytes } from "../../output.ts";
import { learnedText } from "./host-limits.ts";

const BAR_CHARACTERS = 30;
const MAX_LINES = 20;
const MIN_COLUMNS = 20;

export function render(overview: Overview, rates: Rates, columns: number): string {
  const { users, done, failed, queued, running, runningCount, paused, pausedCount, slowHosts, failures } =
    overview;
  const ended = done + failed;
  const more = runningCount - Math.min(running.length, MAX_LINES);
  const lines = [
    `${bar(ended, users)} ${ended} of ${users} users: ${done} done, ${failed} failed, ${runningCount} running, ${queued} queued`,
    summaryLine(overview, rates),
    "",
    ...running.slice(0, MAX_LINES).map((job) => jobLine(job, overview.atMs)),
    ...(more > 0 ? [`… and ${more} more`] : []),
    ...titled(
      "Hosts that asked for less:",
      slowHosts.map(
        (host) => `${host.source} ${host.host}: ${learnedText(host, overview.atMs)} (${host.reason})`,
      ),
    ),
    ...titled(
      `Waiting for room at the target (${pausedCount}):`,
      paused.map(
        ({ source, sourceUid, notBefore, error }) => `${source} ${sourceUid} until ${notBefore}: ${error}`,
      ),
    ),
    ...titled(
      "Latest failures:",
      failures.map(({ source, sourceUid, error }) => `${source} ${sourceUid}: ${error}`),
    ),
  ];
  const width = Math.max(MIN_COLUMNS, columns - 1);
  return `${lines.map((line) => line.slice(0, width)).join("\n")}\n`;
}

export function summaryLine(overview: Overview, rates: Rates): string {
  const { done, failed, users, queued, runningCount, pausedCount, slowHosts } = overview;
  const left = rates.secondsLeft;
  return [
    `${done + failed}/${users} users ended, ${runningCount} running, ${queued} queued: ` +
      `${Math.round(overview.messagesPerSecond)} messages/s, ${formatBytes(Math.round(overview.bytesPerSecond))}/s`,
    ...(left === undefined ? [] : [`about ${duration(left)} left`]),
    ...(pausedCount === 0 ? [] : [`${pausedCount} without room at the target`]),
    ...(slowHosts.length === 0 ? [] : [`slowed down by ${slowHosts.map(({ host }) => host).join(" ")}`]),
  ].join(", ");
}

function titled(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

function jobLine(
  { sourceUid, phase, messagesDone, messagesTotal, bytesDone, folder, startedMs }: RunningJob,
  nowMs: number,
): string {
  const seconds = Math.max(1, (nowMs - startedMs) / 1000);
  const perSecond = messagesDone / seconds;
  const left = perSecond === 0 ? "" : ` ${duration((messagesTotal - messagesDone) / perSecond)} left`;
  return `${bar(messagesDone, messagesTotal)} ${sourceUid} ${phase} ${messagesDone}/${messagesTotal} ${formatBytes(bytesDone)}${left} ${folder}`;
}

function bar(done: number, total: number): string {
  const filled = total <= 0 ? 0 : Math.min(BAR_CHARACTERS, Math.floor((done / total) * BAR_CHARACTERS));
  return `[${"=".repeat(filled)}${" ".repeat(BAR_CHARACTERS - filled)}]`;
}

/** 5400 → `1h30m`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}m${whole % 60}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

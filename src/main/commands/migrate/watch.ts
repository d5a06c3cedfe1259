/** `rookery migrate watch`: a live view of what runs, how fast, how long it will take, what failed. */
import type { Command } from "commander";
import { type Overview, Rates, readOverview, type RunningJob } from "../../../migrate/plan/overview.ts";
import { command } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { formatBytes } from "../../output.ts";
import { withMigration } from "./with-migration.ts";

const LOOK_MS = 1_000;
/** Where there is no terminal: a line in a log. */
const LINE_MS = 10_000;
const BAR_CHARACTERS = 30;
const MAX_LINES = 20;

export function addWatchCommand(migrate: Command): void {
  command(migrate, "watch [source]", "Show migrations as they run: progress, rate, time left, failures", [
    "migrate watch",
    "migrate watch CustomerX --once --json",
  ])
    .option("--once", "show how it is now and end; otherwise until nothing is queued or runs")
    .action(async (source: string | undefined, flags: CommonFlags & { once?: boolean }) => {
      await withMigration(flags, async (migration, output) => {
        const first = await readOverview(migration, source);
        if (flags.once === true) {
          if (output.json) output.printJson(first);
          else output.print(render(first, new Rates(first), 80));
          return;
        }
        const rates = new Rates(first);
        const screen = process.stdout.isTTY && !output.json;
        let drawn = 0;
        for (let overview = first; ; overview = await readOverview(migration, source)) {
          rates.add(overview);
          if (screen) {
            const text = render(overview, rates, process.stdout.columns);
            // Back to the first line of the last picture, and everything below it away.
            process.stdout.write(`${drawn === 0 ? "" : `\x1b[${drawn}F\x1b[J`}${text}`);
            drawn = text.split("\n").length - 1;
          } else if (output.json) output.printJson(overview);
          else output.print(summaryLine(overview, rates));
          if (overview.running.length === 0 && overview.queued === 0) return;
          await new Promise((resolve) => setTimeout(resolve, screen ? LOOK_MS : LINE_MS));
        }
      });
    });
}

function render(overview: Overview, rates: Rates, columns: number): string {
  const { users, done, failed, queued, running, failures } = overview;
  const lines = [
    `${bar(done + failed, users)} ${done + failed} of ${users} users: ${done} done, ${failed} failed, ${running.length} running, ${queued} queued`,
    summaryLine(overview, rates),
    "",
    ...running.slice(0, MAX_LINES).map((job) => jobLine(job, overview.atMs)),
    ...(running.length > MAX_LINES ? [`… and ${running.length - MAX_LINES} more`] : []),
    ...(failures.length > 0 ? ["", "Latest failures:"] : []),
    ...failures.map(({ source, sourceUid, error }) => `  ${source} ${sourceUid}: ${error}`),
  ];
  return `${lines.map((line) => line.slice(0, Math.max(20, columns - 1))).join("\n")}\n`;
}

function summaryLine({ done, failed, users, queued, running }: Overview, rates: Rates): string {
  const left = rates.secondsLeft;
  const rate = `${Math.round(rates.messagesPerSecond)} messages/s, ${formatBytes(rates.bytesPerSecond)}/s`;
  const eta = left === undefined ? "" : `, about ${duration(left)} left`;
  return `${done + failed}/${users} users ended, ${running.length} running, ${queued} queued: ${rate}${eta}`;
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
function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}m${whole % 60}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

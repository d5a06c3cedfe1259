/** `rookery migrate watch`: a live view of what runs, how fast, how long it will take, what failed. */
import type { Command } from "commander";
import { type Overview, readOverview, readProgress } from "../../../migrate/plan/overview.ts";
import { Rates } from "../../../migrate/plan/rates.ts";
import { command } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { render, summaryLine } from "./watch-view.ts";
import { withMigration } from "./with-migration.ts";

const LOOK_MS = 1_000;
/** Where there is no terminal: a line in a log. */
const LINE_MS = 10_000;

export function addWatchCommand(migrate: Command): void {
  command(migrate, "watch [source]", "Show migrations as they run: progress, rate, time left, failures", [
    "migrate watch",
    "migrate watch CustomerX --once --json",
  ])
    .option("--once", "show how it is now and end; otherwise until nothing is queued or runs")
    .action(async (source: string | undefined, flags: CommonFlags & { once?: boolean }) => {
      await withMigration(flags, async (migration, output) => {
        const first = await readOverview(migration, source);
        const rates = new Rates(first, await readProgress(migration, source));
        const printJson = (overview: Overview): void =>
          output.printJson({ ...overview, secondsLeft: rates.secondsLeft ?? null });
        if (flags.once === true) {
          if (output.json) printJson(first);
          else output.print(render(first, rates, columns()));
          return;
        }
        const screen = process.stdout.isTTY && !output.json;
        let drawn = 0;
        for (let overview = first; ;) {
          if (screen) {
            const text = render(overview, rates, columns());
            // Back to the first line of the last picture, and everything below it away.
            process.stdout.write(`${drawn === 0 ? "" : `\x1b[${drawn}F\x1b[J`}${text}`);
            drawn = text.split("\n").length - 1;
          } else if (output.json) printJson(overview);
          else output.print(summaryLine(overview, rates));
          if (overview.runningCount === 0 && overview.queued === 0) return;
          await new Promise((resolve) => setTimeout(resolve, screen ? LOOK_MS : LINE_MS));
          overview = await readOverview(migration, source);
          rates.add(overview, await readProgress(migration, source));
        }
      });
    });
}

/** In a file or a pipe lines are whole. */
function columns(): number {
  return process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;
}

import { createReadStream } from "node:fs";
import type { Command } from "commander";
import { systemClock } from "../../../base/io/clock.ts";
import { importUsers } from "../../../migrate/import/import-users.ts";
import { command } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { ExitCode } from "../../exit-codes.ts";
import { progressBar } from "../../progress.ts";
import { addPhaseFlags, type PhaseFlags, toPhase } from "./phase.ts";
import { withMigration } from "./with-migration.ts";

interface ImportFlags extends CommonFlags, PhaseFlags {
  readonly source: string;
  readonly target?: string;
  readonly host?: string;
}

/** Refused lines that are shown; the others are counted. */
const MAX_SHOWN = 100;

export function addImportCommand(migrate: Command): void {
  addPhaseFlags(
    command(
      migrate,
      "import <file>",
      "Add or change users, and submit their migrations, from a CSV file (- = standard input)",
      [
        "migrate import users.csv --source CustomerX --host imap.old.example --target default",
        "migrate import users.csv --source CustomerX --phase pre-sync",
      ],
    )
      .requiredOption("--source <source>", "the source of all users")
      .option("--target <target>", "where the file names none")
      .option("--host <host>", "the source host where the file names none"),
  )
    .addHelpText(
      "after",
      "\nThe first line names the columns: sourceUid, targetUid, target, sourcehost, sourceport, password, email,\nimapcOptions, useImapcSsl, excludeFolders, phase, priority. Lists have ; between their items.\n",
    )
    .action(async (file: string, flags: ImportFlags) => {
      await withMigration(flags, async ({ users }, output) => {
        const refusals: { line: number; sourceUid: string; reason: string }[] = [];
        const bar = progressBar(systemClock);
        const input = file === "-" ? process.stdin : createReadStream(file);
        const { done, refused } = await importUsers(input.setEncoding("utf8") as AsyncIterable<string>, {
          users,
          source: flags.source,
          defaults: { target: flags.target, sourceHost: flags.host },
          phase: flags.phase === undefined ? undefined : toPhase(flags.phase),
          priority: flags.priority,
          dryRun: flags.dryRun,
          onProgress: (progress) =>
            bar.step({ what: "users", done: progress.done + progress.refused, total: 0 }),
          onRefused(line, sourceUid, reason) {
            if (refusals.length < MAX_SHOWN) refusals.push({ line, sourceUid, reason });
          },
        }).finally(() => bar.stop());
        if (output.json) output.printJson({ done, refused, refusals });
        else {
          for (const { line, sourceUid, reason } of refusals)
            output.note(`line ${line}: ${sourceUid}: ${reason}`);
          if (refused > refusals.length) output.note(`… and ${refused - refusals.length} more`);
          output.print(`${done} users taken, ${refused} refused.`);
        }
        if (refused > 0) process.exitCode = ExitCode.findings;
      });
    });
}

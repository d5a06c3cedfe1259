import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { lockDataFolder } from "../../admin/lock.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { command, operate } from "../command-line.ts";
import { type CommonFlags, readConfiguration } from "../configuration.ts";
import { nodeOptions } from "../node-options.ts";
import { formatBytes, terminalOutput } from "../output.ts";
import { progressBar } from "../progress.ts";

const ID_BYTES = 8;

interface UserResult {
  readonly user: string;
  readonly mailboxes: number;
  readonly messages: number;
  readonly newUniqueIds: readonly string[];
  readonly isUserKnown: boolean;
}

interface RestoreFlags extends CommonFlags {
  readonly user?: boolean;
  readonly as?: string;
  readonly replace?: boolean;
}

export function addRestoreCommand(program: Command): void {
  command(program, "restore <source>", "Restore a node from a backup folder, or a user from a file", [
    "restore /backup/rookery --data /var/lib/rookery      # into a folder without a store",
    "restore --user /backup/alice.rookery",
    "restore --user /backup/alice.rookery --as alice2",
  ])
    .option("--user", "the source is the file of one user; the node may be running")
    .option("--as <name>", "under another name")
    .option("--replace", "delete the mailboxes that the user has; they can be brought back")
    .action(async (source: string, flags: RestoreFlags) => {
      const path = resolve(source);
      await (flags.user === true ? restoreUser(path, flags) : restoreNode(path, flags));
    });
}

async function restoreUser(file: string, flags: RestoreFlags): Promise<void> {
  await operate(flags, {
    operation: "restore.user",
    arguments: { file, as: flags.as, replace: flags.replace },
    text: ({ result }) => {
      const { user, mailboxes, messages, newUniqueIds, isUserKnown } = result as unknown as UserResult;
      const ids =
        newUniqueIds.length === 0
          ? ""
          : ` ${newUniqueIds.length} mailboxes have new unique ids: the old ones are in use.`;
      const next = isUserKnown ? "" : `The directory does not know ${user}; now: rookery user add ${user}\n`;
      return `${user} has ${mailboxes} mailboxes and ${messages} messages again.${ids}\n${next}`;
    },
  });
}

/** Works on files alone: the folder has no store yet that a node could open. */
async function restoreNode(backup: string, flags: RestoreFlags): Promise<void> {
  const output = terminalOutput(flags.json === true);
  const { config } = readConfiguration(flags, { systemFile: true });
  const { dataFolder } = config.get(nodeOptions);
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const lock = lockDataFolder(dataFolder);
  const bar = progressBar(systemClock);
  try {
    const { restoreBackup } = await import("../../store/maintenance/restore-backup.ts");
    const id = systemRandom.bytes(ID_BYTES).toString("hex");
    const report = await restoreBackup(backup, dataFolder, id, (what, done, total) =>
      bar.step({ what, done, total }),
    );
    bar.stop();
    if (output.json) output.printJson({ dataFolder, ...report });
    else {
      output.print(
        `${dataFolder} is as the node was at ${report.takenAt}: ${report.segments} segment files, ${formatBytes(report.bytes)}.\nCheck it with: rookery check --data ${dataFolder}\n`,
      );
    }
  } finally {
    bar.stop();
    lock.release();
  }
}

import { type Command, InvalidArgumentError } from "commander";
import { command, commandGroup, operate, parseCount } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatTable } from "../output.ts";

interface ExpungedRow {
  readonly uid: number;
  readonly expungedAt: string;
  readonly internalDate: string;
  readonly sizeBytes: number;
  readonly subject: string | null;
}
interface Restored {
  readonly mailbox: string;
  readonly uids: readonly number[];
}

const SECONDS_AN_HOUR = 3600;

export function addMessageCommands(program: Command): void {
  const message = commandGroup(program, "message", "Messages that were expunged");
  command(message, "list-expunged <mailbox>", "List expunged messages that can be brought back", [
    "message list-expunged user.alice",
  ]).action(async (mailbox: string, flags: CommonFlags) => {
    await operate(flags, {
      operation: "message.list-expunged",
      arguments: { mailbox },
      listing: true,
      text: ({ rows }) =>
        formatTable(
          ["UID", "EXPUNGED", "DATE", "SIZE", "SUBJECT"],
          (rows as unknown as ExpungedRow[]).map((row) => [
            row.uid,
            row.expungedAt,
            row.internalDate,
            row.sizeBytes,
            row.subject ?? "",
          ]),
        ),
    });
  });
  command(message, "unexpunge <mailbox> [uid...]", "Bring expunged messages back, under new UIDs", [
    "message unexpunge user.alice 17 18",
    "message unexpunge user.alice --hours 24",
  ])
    .option("--hours <count>", "all that were expunged in the last hours", parseCount)
    .action(async (mailbox: string, uids: string[], flags: CommonFlags & { hours?: number }) => {
      if (uids.length === 0 && flags.hours === undefined) {
        throw new InvalidArgumentError("Name UIDs, or a time with --hours.");
      }
      await operate(flags, {
        operation: "message.unexpunge",
        arguments: {
          mailbox,
          uids: uids.map(parseCount),
          withinSeconds: flags.hours === undefined ? undefined : flags.hours * SECONDS_AN_HOUR,
        },
        text: ({ result }) => {
          const { mailbox: name, uids: restored } = result as unknown as Restored;
          return `${restored.length} messages are back in ${name}, as UID ${restored.join(", ")}.\n`;
        },
      });
    });
}

import type { Command } from "commander";
import { command, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatTable } from "../output.ts";

interface MessageRow {
  readonly uid: number;
  readonly modseq: number;
  readonly flags: readonly string[];
  readonly sizeBytes: number;
  readonly internalDate: string;
  readonly guid: string;
}

export function addDumpCommand(program: Command): void {
  command(program, "dump <mailbox>", "Show everything the store keeps about a mailbox", [
    "dump user.alice",
    "dump user/alice/Sent --json",
  ]).action(async (mailbox: string, flags: CommonFlags) => {
    await operate(flags, {
      operation: "dump",
      arguments: { mailbox },
      toJson: ({ result, rows }) => ({ mailbox: result, messages: rows }),
      text: ({ result, rows }) => {
        const header = Object.entries(result as object).map(([key, value]) => [
          key,
          typeof value === "object" && value !== null ? JSON.stringify(value) : String(value),
        ]);
        const messages = (rows as unknown as MessageRow[]).map((row) => [
          row.uid,
          row.modseq,
          row.sizeBytes,
          row.internalDate,
          row.guid,
          row.flags.join(" "),
        ]);
        return `${formatTable(["KEY", "VALUE"], header)}\n${formatTable(
          ["UID", "MODSEQ", "SIZE", "INTERNAL DATE", "GUID", "FLAGS"],
          messages,
        )}`;
      },
    });
  });
}

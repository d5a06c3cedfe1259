import type { Command } from "commander";
import { command, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { ExitCode } from "../exit-codes.ts";

interface FindingRow {
  readonly text: string;
  readonly repair: string | null;
}
interface Result {
  readonly findings: number;
  readonly repairable: number;
  readonly repaired: boolean;
  readonly done: readonly string[];
}

export function addCheckCommand(program: Command): void {
  command(program, "check", "Check everything that is stored; mend what can be mended", [
    "check",
    "check --quick",
    "check --repair",
  ])
    .option("--quick", "only the index, without reading messages")
    .option("--repair", "mend what is found; what is lost is listed with mailbox, UID and GUID")
    .action(async (flags: CommonFlags & { quick?: boolean; repair?: boolean }) => {
      await operate(flags, {
        operation: "check",
        arguments: { quick: flags.quick, repair: flags.repair },
        toJson: ({ result, rows }) => {
          markFindings(result as unknown as Result);
          return { ...(result as object), rows };
        },
        text: ({ result, rows }) => {
          const summary = result as unknown as Result;
          markFindings(summary);
          const lines = (rows as unknown as FindingRow[]).map(
            ({ text, repair }) => `${text}${repair === null ? "" : `\n  repair: ${repair}`}\n`,
          );
          return `${lines.join("")}${summary.done.map((line) => `done: ${line}\n`).join("")}${summaryLine(summary)}\n`;
        },
      });
    });
}

function markFindings({ findings, repairable, repaired }: Result): void {
  const left = repaired ? findings - repairable : findings;
  if (left > 0) process.exitCode = ExitCode.findings;
}

function summaryLine({ findings, repairable, repaired }: Result): string {
  if (findings === 0) return "Everything is as it should be.";
  if (repaired) return `${findings} findings, ${repairable} mended. Check again to be sure: rookery check`;
  return `${findings} findings, ${repairable} of them can be mended with: rookery check --repair`;
}

import type { Command } from "commander";
import { command, operate, parseCount } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatBytes } from "../output.ts";

interface Result {
  readonly segments: number;
  readonly movedBytes: number;
  readonly freedBytes: number;
  readonly stuck: readonly number[];
  readonly expiredMessages: number;
}

export function addCompactCommand(program: Command): void {
  command(program, "compact", "Give the disk back what expired mail took", ["compact", "compact --below 95"])
    .option(
      "--below <percent>",
      "rewrite files of which less than this is live mail (default: 60)",
      parseCount,
    )
    .action(async (flags: CommonFlags & { below?: number }) => {
      await operate(flags, {
        operation: "compact",
        arguments: { belowPercent: flags.below },
        text: ({ result }) => {
          const { segments, movedBytes, freedBytes, stuck, expiredMessages } = result as unknown as Result;
          const bad = stuck.length === 0 ? "" : ` ${stuck.length} files are damaged: run rookery check.`;
          return `${expiredMessages} messages expired; ${segments} files rewritten, ${formatBytes(movedBytes)} moved, ${formatBytes(freedBytes)} freed.${bad}\n`;
        },
      });
    });
}

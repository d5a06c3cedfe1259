import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { command, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { ExitCode } from "../exit-codes.ts";

interface Result {
  readonly recipients: readonly { recipient: string; accepted: boolean; text: string }[];
}

export function addDeliverCommand(program: Command): void {
  command(
    program,
    "deliver <recipient...>",
    "Deliver a message from standard input or a file, as LMTP would",
    [
      "deliver alice@example.test < message.eml",
      "deliver alice+Lists bob --from list@example.org --file message.eml",
    ],
  )
    .option("--from <address>", "the envelope sender; without it the empty one")
    .option("--file <path>", "the message; without it standard input")
    .action(async (recipients: string[], flags: CommonFlags & { from?: string; file?: string }) => {
      await operate(flags, {
        operation: "deliver",
        arguments: { recipients, sender: flags.from },
        payload: readFileSync(flags.file ?? 0),
        text: ({ result }) => {
          const answers = (result as unknown as Result).recipients;
          if (answers.some((answer) => !answer.accepted)) process.exitCode = ExitCode.findings;
          return answers.map(({ recipient, text }) => `${recipient}: ${text}\n`).join("");
        },
      });
    });
}

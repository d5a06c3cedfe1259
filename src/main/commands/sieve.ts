import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { systemClock } from "../../base/io/clock.ts";
import { MailMessage } from "../../delivery/sieve-message.ts";
import type { SieveAction } from "../../sieve/actions.ts";
import { SieveSyntaxError } from "../../sieve/errors.ts";
import type { SieveEnvironment } from "../../sieve/message.ts";
import { defaultSieveLimits } from "../../sieve/limits.ts";
import { SieveScript } from "../../sieve/script.ts";
import { type SieveWarning, warningsOf } from "../../sieve/warnings.ts";
import { commandGroup } from "../command-line.ts";
import { ExitCode } from "../exit-codes.ts";
import { terminalOutput } from "../output.ts";

interface Flags {
  readonly from?: string;
  readonly to?: string;
  readonly json?: boolean;
}

/** On files, without a node: what mailboxes there are, and what was seen before, is not known here. */
export function addSieveCommands(program: Command): void {
  const sieve = commandGroup(program, "sieve", "Check filters and explain what they would do");
  sieve
    .command("check <script>")
    .summary("Say whether a script is right; else where it is wrong")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  $ rookery sieve check holidays.sieve\n")
    .action((file: string, flags: Flags) => {
      const output = terminalOutput(flags.json === true);
      const source = readFileSync(file, "utf8");
      const fault = faultOf(source);
      const warnings = fault === undefined ? warningsOf(source, defaultSieveLimits).map(print) : [];
      if (fault !== undefined) process.exitCode = ExitCode.findings;
      if (output.json) output.printJson({ valid: fault === undefined, fault: fault ?? null, warnings });
      else if (fault !== undefined) output.print(`${file}: ${fault}`);
      else output.print([`${file} is right.`, ...warnings.map((text) => `Warning: ${text}`)].join("\n"));
    });
  sieve
    .command("test <script> <message>")
    .summary("Run a script over a message and explain each action; nothing is done")
    .option("--from <address>", "the envelope sender", "")
    .option("--to <address>", "the envelope recipient", "")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  $ rookery sieve test main.sieve mail.eml --from bob@example.org\n")
    .action((file: string, messageFile: string, flags: Flags) => {
      const output = terminalOutput(flags.json === true);
      const source = readFileSync(file, "utf8");
      const fault = faultOf(source);
      if (fault !== undefined) {
        process.exitCode = ExitCode.findings;
        output.print(`${file}: ${fault}`);
        return;
      }
      const bytes = readFileSync(messageFile);
      const message = new MailMessage(bytes, bytes.length);
      const { actions, error, trace } = new SieveScript(source).run(message, environmentOf(flags), {
        trace: true,
      });
      if (error !== undefined) process.exitCode = ExitCode.findings;
      if (output.json) {
        output.printJson({ actions: actions.map(plain), error: error?.message ?? null, trace });
        return;
      }
      const lines = [
        ...trace.map((line) => `  ${line}`),
        ...(error === undefined ? [] : [`The script failed: ${error.message}`]),
        "What would happen:",
        ...actions.map((action) => `  ${JSON.stringify(plain(action))}`),
        ...(actions.length === 0 ? ["  nothing: the message is discarded"] : []),
      ];
      output.print(lines.join("\n"));
    });
}

function print({ position: { line, column }, text }: SieveWarning): string {
  return `line ${line}, column ${column}: ${text}`;
}

function faultOf(source: string): string | undefined {
  try {
    void new SieveScript(source);
    return undefined;
  } catch (error) {
    if (error instanceof SieveSyntaxError) return error.message;
    throw error;
  }
}

/** Without what is not set. */
function plain(action: SieveAction): Record<string, string | number | boolean | readonly string[]> {
  const entries = Object.entries(action).filter(
    (entry): entry is [string, string | number | boolean | readonly string[]] =>
      entry[0] !== "headers" && entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}

function environmentOf({ from = "", to = "" }: Flags): SieveEnvironment {
  const nowMs = systemClock.nowMs();
  return {
    envelopeFrom: from,
    envelopeTo: to,
    envelopeAuth: undefined,
    now: { epochSeconds: Math.floor(nowMs / 1000), zoneMinutes: -new Date(nowMs).getTimezoneOffset() },
    addressSeparator: "+",
    item: () => undefined,
    mailboxExists: () => true,
    mailboxIdExists: () => false,
    specialUseExists: () => false,
    metadata: () => undefined,
    isDuplicate: () => false,
    loadScript: () => undefined,
    listContains: () => undefined,
  };
}

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { AdminError } from "../../admin/failure.ts";
import { actionToJson } from "../../admin/operations/sieve.ts";
import { systemClock } from "../../base/io/clock.ts";
import { MailMessage } from "../../delivery/sieve-message.ts";
import { SieveSyntaxError } from "../../sieve/errors.ts";
import { explainAction } from "../../sieve/explain.ts";
import { defaultSieveLimits } from "../../sieve/limits.ts";
import type { SieveEnvironment } from "../../sieve/message.ts";
import { SieveScript } from "../../sieve/script.ts";
import { type SieveWarning, warningsOf } from "../../sieve/warnings.ts";
import { command, commandGroup, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { ExitCode } from "../exit-codes.ts";
import { terminalOutput } from "../output.ts";
import { addScriptCommands } from "./sieve-scripts.ts";

interface TestFlags extends CommonFlags {
  readonly from?: string;
  readonly to?: string;
  readonly user?: string;
}

interface TestResult {
  readonly hasScript: boolean;
  readonly words: readonly string[];
  readonly error: string | null;
  readonly trace: readonly string[];
}

export function addSieveCommands(program: Command): void {
  const sieve = commandGroup(program, "sieve", "Users' filters: check, explain, list, put, make active");
  sieve
    .command("check <script>")
    .summary("Say whether a script is right; else where it is wrong")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  $ rookery sieve check holidays.sieve\n")
    .action(check);
  command(
    sieve,
    "test <script> <message>",
    "Run a script over a message and explain each action; nothing is done",
    [
      "sieve test main.sieve mail.eml --from bob@example.org",
      "sieve test main.sieve mail.eml --user alice     # with her mailboxes, memory and other scripts",
      "sieve test - mail.eml --user alice              # her active script",
    ],
  )
    .option("--from <address>", "the envelope sender")
    .option("--to <address>", "the envelope recipient")
    .option("--user <user>", "whose mailboxes and scripts there are; without it every mailbox exists")
    .action(async (file: string, messageFile: string, flags: TestFlags) => {
      if (flags.user === undefined) testAlone(file, messageFile, flags);
      else await testForUser(flags.user, file, messageFile, flags);
    });
  addScriptCommands(sieve);
}

function check(file: string, flags: { readonly json?: boolean }): void {
  const output = terminalOutput(flags.json === true);
  const source = readFileSync(file, "utf8");
  const fault = faultOf(source);
  const warnings = fault === undefined ? warningsOf(source, defaultSieveLimits).map(print) : [];
  if (fault !== undefined) process.exitCode = ExitCode.findings;
  if (output.json) output.printJson({ valid: fault === undefined, fault: fault ?? null, warnings });
  else if (fault !== undefined) output.print(`${file}: ${fault}`);
  else output.print([`${file} is right.`, ...warnings.map((text) => `Warning: ${text}`)].join("\n"));
}

/** On files, without a node: what mailboxes there are, and what was seen before, is not known here. */
function testAlone(file: string, messageFile: string, flags: TestFlags): void {
  const output = terminalOutput(flags.json === true);
  if (file === "-") throw new AdminError("argument_invalid", "whose active script? Say it with --user");
  const source = readFileSync(file, "utf8");
  const fault = faultOf(source);
  if (fault !== undefined) {
    process.exitCode = ExitCode.findings;
    output.print(`${file}: ${fault}`);
    return;
  }
  const bytes = readFileSync(messageFile);
  const message = new MailMessage(bytes, bytes.length);
  const outcome = new SieveScript(source).run(message, environmentOf(flags), { trace: true });
  const { actions, error, trace } = outcome;
  if (error !== undefined) process.exitCode = ExitCode.findings;
  if (output.json) {
    output.printJson({ actions: actions.map(actionToJson), error: error?.message ?? null, trace });
    return;
  }
  const words = actions.map(explainAction);
  output.print(printTest({ hasScript: true, words, error: error?.message ?? null, trace }));
}

async function testForUser(user: string, file: string, messageFile: string, flags: TestFlags): Promise<void> {
  await operate(flags, {
    operation: "sieve.test",
    arguments: {
      user,
      script: file === "-" ? undefined : readFileSync(file, "utf8"),
      from: flags.from,
      to: flags.to,
    },
    payload: readFileSync(messageFile),
    text({ result }) {
      const answer = result as unknown as TestResult;
      if (answer.error !== null) process.exitCode = ExitCode.findings;
      return answer.hasScript ? printTest(answer) : `${user} has no active script: the message is kept.`;
    },
  });
}

function printTest({ words, error, trace }: TestResult): string {
  return [
    ...trace.map((line) => `  ${line}`),
    ...(error === null ? [] : [`The script failed, so the message is kept: ${error}`]),
    "What would happen:",
    ...words.map((line) => `  ${line}`),
    ...(words.length === 0 ? ["  nothing: the message is discarded"] : []),
  ].join("\n");
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

function environmentOf({ from = "", to = "" }: TestFlags): SieveEnvironment {
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

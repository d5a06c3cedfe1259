/** How every command is declared: common options, examples in --help, one way to run an operation and print it. */
import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import type { Json, Outcome } from "../admin/operation.ts";
import { systemClock } from "../base/io/clock.ts";
import { InvalidValue } from "../config/kind.ts";
import { byteSize } from "../config/kinds.ts";
import { adminSocketPath } from "../admin/socket.ts";
import { type CommonFlags, readConfiguration } from "./configuration.ts";
import { nodeOptions } from "./node-options.ts";
import { terminalOutput } from "./output.ts";
import { progressBar } from "./progress.ts";
import { type OperationRequest, runOperation } from "./run-operation.ts";

/** A command that only holds others: `rookery user`. */
export function commandGroup(parent: Command, name: string, summary: string): Command {
  return parent.command(name).summary(summary).description(summary);
}

/** A command that does something. Examples are shown as they would be typed. */
export function command(
  parent: Command,
  usage: string,
  summary: string,
  examples: readonly string[],
): Command {
  return parent
    .command(usage)
    .summary(summary)
    .description(summary)
    .option("--data <dir>", "the data folder (default: what the configuration says, else ./data)")
    .option("--config <file>", "the configuration file (default: /etc/rookery/rookery.yaml if it is there)")
    .option(
      "--set <option=value>",
      "set an option of the configuration, as in imap.timeout=1h; may be repeated",
      collect,
    )
    .option("--json", "print the result as JSON")
    .addHelpText("after", `\nExamples:\n${examples.map((line) => `  $ rookery ${line}\n`).join("")}`);
}

/** For options that may be repeated. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

export interface OperationCommand extends OperationRequest {
  /**
   * For people; also sets the exit code for what was found. With --json the rows (or else the result) are printed as
   * they are, with the same exit code.
   */
  readonly text: (outcome: Outcome) => string;
  /** What --json prints where neither rows nor result alone are the answer. */
  readonly toJson?: (outcome: Outcome) => Json;
  readonly listing?: boolean;
  /** Hears each row as soon as it comes. What it answers is printed at once, for people; undefined = nothing. */
  readonly live?: (row: Json) => string | undefined;
}

/** Runs the operation that belongs to a command and prints what came out. */
export async function operate(flags: CommonFlags, request: OperationCommand): Promise<void> {
  const output = terminalOutput(flags.json === true);
  const { config } = readConfiguration(flags, { systemFile: true });
  if (flags.set !== undefined && existsSync(adminSocketPath(config.get(nodeOptions).dataFolder))) {
    output.note("While a node serves this folder its own configuration counts, and --set does not.");
  }
  const bar = progressBar(systemClock);
  let outcome: Outcome;
  try {
    const onRow = (row: Json): void => {
      const text = request.live?.(row);
      if (text !== undefined && !output.json) output.print(`${text}\n`);
    };
    outcome = await runOperation(config, request, (progress) => bar.step(progress), onRow);
  } finally {
    bar.stop();
  }
  const text = request.text(outcome);
  if (output.json) {
    if (request.toJson !== undefined) output.printJson(request.toJson(outcome));
    else output.printJson(request.listing === true ? outcome.rows : outcome.result);
    return;
  }
  // Everything may have been printed already.
  if (text !== "" || request.live === undefined) output.print(text);
}

/** `50MiB`, `2GiB` → bytes. */
export function parseBytes(text: string): number {
  try {
    return byteSize.parse(text, { folder: "", environment: {}, readText: () => "" });
  } catch (error) {
    if (error instanceof InvalidValue) throw new InvalidArgumentError(`Expected ${byteSize.allowed}.`);
    throw error;
  }
}

/** A limit: a size, or `none`. */
export function parseBytesLimit(text: string): number | null {
  return text === "none" ? null : parseBytes(text);
}

export function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError("Expected a whole number, 0 or more.");
  }
  return value;
}

export function parseCountLimit(text: string): number | null {
  return text === "none" ? null : parseCount(text);
}

export function parsePort(text: string): number {
  const port = parseCount(text);
  if (port > 65_535) throw new InvalidArgumentError("Expected a port, 0 to 65535.");
  return port;
}

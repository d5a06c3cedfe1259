/**
 * Commands as the Dovecot Migration Framework writes them (S4.59–60): `name [flags] [options] [arguments] [sub command]`,
 * as JSON or YAML. A list of one may be a scalar; YAML says `sub-command` and `success-code`.
 */
import { visibleSecretOf } from "./visible-secrets.ts";

export interface Command {
  readonly name: string;
  /** Exit code of success; any signed integer. */
  readonly successCode: number;
  readonly flags: readonly string[];
  readonly options: readonly CommandOption[];
  readonly arguments: readonly string[];
  readonly subCommand: Command | undefined;
}

export interface CommandOption {
  readonly name: string;
  readonly value: string;
}

/** The command cannot be run; the migration fails and says why. */
export class CommandError extends Error {
  override name = "CommandError";
}

/** `doveadm mailbox status` is two deep; this is a bound, not a need. */
const MAX_DEPTH = 16;

/** @throws CommandError naming the key that is wrong, or the password that everybody would see */
export function readCommand(value: unknown, depth = 0): Command {
  if (depth > MAX_DEPTH) throw new CommandError("sub commands are nested too deeply");
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CommandError("a command is an object with a name");
  }
  const fields = new Map(Object.entries(value).map(([key, field]) => [canonical(key), field]));
  const unknown = [...fields.keys()].find((key) => !FIELDS.has(key));
  if (unknown !== undefined) throw new CommandError(`a command has no field "${unknown}"`);
  const name = fields.get("name");
  if (typeof name !== "string" || name === "") throw new CommandError("the command has no name");
  const successCode = fields.get("successCode") ?? 0;
  if (typeof successCode !== "number" || !Number.isInteger(successCode)) {
    throw new CommandError("successCode is not an integer");
  }
  const sub = fields.get("subCommand");
  const command: Command = {
    name,
    successCode,
    flags: texts("flags", fields.get("flags")),
    options: readOptions(fields.get("options")),
    arguments: texts("arguments", fields.get("arguments")),
    subCommand: sub === undefined || sub === null ? undefined : readCommand(sub, depth + 1),
  };
  const secret = visibleSecretOf(command);
  if (secret !== undefined) throw new CommandError(secret);
  return command;
}

/** The last of the chain, whose success code counts where the outer one says nothing else. */
export function innermost(command: Command): Command {
  return command.subCommand === undefined ? command : innermost(command.subCommand);
}

const FIELDS = new Set(["name", "successCode", "flags", "options", "arguments", "subCommand"]);

function canonical(key: string): string {
  return key.replaceAll(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function texts(field: string, value: unknown): string[] {
  if (value === undefined || value === null) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => text(field, item));
}

function readOptions(value: unknown): CommandOption[] {
  if (value === undefined || value === null) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    if (typeof item !== "object" || item === null || !("name" in item) || !("value" in item)) {
      throw new CommandError("an option has a name and a value");
    }
    return { name: text("options", item.name), value: text("options", item.value) };
  });
}

function text(field: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new CommandError(`${field} holds something that is no text`);
}

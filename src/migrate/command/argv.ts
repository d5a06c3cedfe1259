/**
 * From a command to what is executed and to what is recorded. For doveadm (S4.64–67): settings given without `-o` get it,
 * the base command takes no arguments, and passwords go into a file that only doveadm reads, so that neither the records
 * nor the process list show them.
 */
import { type Command, CommandError, type CommandOption } from "./command.ts";
import { isDoveadm, SECRET_SETTINGS } from "./visible-secrets.ts";

export interface Argv {
  readonly program: string;
  readonly arguments: readonly string[];
  /** As logged and recorded, with `<hidden>` for passwords. */
  readonly printed: string;
  /** Settings that must reach doveadm by a file; not in `arguments`. */
  readonly secretSettings: readonly CommandOption[];
  /** The file that `-c` named. */
  readonly configFile: string | undefined;
}

export const HIDDEN = "<hidden>";

/** @param secrets are hidden wherever they stand in what is recorded @throws CommandError */
export function toArgv(command: Command, secrets: readonly string[] = []): Argv {
  const argv = isDoveadm(command) ? doveadmArgv(command) : plainArgv(command);
  return { ...argv, printed: printed(argv.printed.map((word) => hide(word, secrets))) };
}

type Unprinted = Omit<Argv, "printed"> & { readonly printed: readonly string[] };

function plainArgv(command: Command): Unprinted {
  const list = plainArguments(command);
  return {
    program: command.name,
    arguments: list,
    printed: [command.name, ...list],
    secretSettings: [],
    configFile: undefined,
  };
}

function plainArguments(command: Command): string[] {
  const { flags, options, subCommand } = command;
  return [
    ...flags,
    ...options.flatMap(({ name, value }) => [name, value]),
    ...command.arguments,
    ...(subCommand === undefined ? [] : [subCommand.name, ...plainArguments(subCommand)]),
  ];
}

function doveadmArgv(command: Command): Unprinted {
  const { flags, subCommand } = command;
  if (command.arguments.length > 0) {
    throw new CommandError(
      `doveadm takes no arguments before its sub command: "${command.arguments.join(" ")}"`,
    );
  }
  if (subCommand === undefined) throw new CommandError("doveadm needs a sub command");
  const shown: string[] = [...flags];
  const given: string[] = [...flags];
  const secretSettings: CommandOption[] = [];
  let configFile: string | undefined;
  for (const option of command.options) {
    const { name, value } = option;
    if (name === "-c") {
      configFile = value;
      shown.push(name, value);
    } else if (name === "-f") {
      shown.push(name, value);
      given.push(name, value);
    } else {
      const setting = toSetting(option);
      const secret = SECRET_SETTINGS.has(setting.name);
      if (secret) secretSettings.push(setting);
      else given.push("-o", `${setting.name}=${setting.value}`);
      shown.push("-o", `${setting.name}=${secret ? HIDDEN : setting.value}`);
    }
  }
  const rest = [subCommand.name, ...plainArguments(subCommand)];
  return {
    program: command.name,
    arguments: [...given, ...rest],
    printed: [command.name, ...shown, ...rest],
    secretSettings,
    configFile,
  };
}

function toSetting({ name, value }: CommandOption): CommandOption {
  if (name !== "-o") {
    if (name.startsWith("-")) throw new CommandError(`doveadm has no option "${name}" with a value`);
    return { name, value };
  }
  const at = value.indexOf("=");
  if (at < 1) throw new CommandError(`"${value}" is no setting: name=value is expected after -o`);
  return { name: value.slice(0, at), value: value.slice(at + 1) };
}

function hide(word: string, secrets: readonly string[]): string {
  return secrets.reduce((text, secret) => text.replaceAll(secret, () => HIDDEN), word);
}

/** Words with blanks in quotes, so that the line can be run again by hand (S4.39). */
function printed(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./*<>{}-]+$/.test(word) ? word : `"${word.replaceAll(/(["\\$`])/g, "\\$1")}"`))
    .join(" ");
}

/**
 * What stands in the arguments of a program stands in the process list. A password is let into no argument: doveadm gets
 * it by a file (`secret-settings.ts`), every other program by its environment, which only its owner and root can read.
 */
import { basename } from "node:path";
import type { Command } from "./command.ts";
import type { Properties } from "./inject.ts";

/** Settings that doveadm gets by a file: S4.64, and `password` settings that came with later versions. */
export const SECRET_SETTINGS: ReadonlySet<string> = new Set([
  "imapc_password",
  "imapc_master_password",
  "pop3c_password",
  "pop3c_master_password",
  "doveadm_password",
]);

const SECRET_PROPERTY = /%\{mdb:(sourcepasswd)\}|%\{conf:([^{}]*(?:passw|secret)[^{}]*)\}/i;

export function isDoveadm({ name }: Pick<Command, "name">): boolean {
  return basename(name) === "doveadm";
}

/** What is wrong with the command, and where the program finds the password instead; undefined = nothing. */
export function visibleSecretOf(command: Command): string | undefined {
  const values = command.options
    .filter((option) => !(isDoveadm(command) && SECRET_SETTINGS.has(settingOf(option))))
    .map(({ value }) => value);
  for (const word of [command.name, ...command.flags, ...values, ...command.arguments]) {
    const [found, fromUser, fromSource] = SECRET_PROPERTY.exec(word) ?? [];
    const property = fromUser ?? fromSource;
    if (property === undefined) continue;
    return (
      `${found} in the arguments of "${command.name}" would stand in the process list; ` +
      `leave it out, the program finds it in the environment variable ${variableOf(property)}`
    );
  }
  return undefined;
}

/** `ROOKERY_SOURCEPASSWD` and one for each secret of the source's settings. */
export function secretVariables({ mdb, conf }: Properties): Record<string, string> {
  const secrets = [...conf].filter(([key]) => /passw|secret/i.test(key));
  const password = conf.get("sourcepasswd") ?? mdb.get("sourcepasswd");
  if (password !== undefined) secrets.push(["sourcepasswd", password]);
  return Object.fromEntries(secrets.map(([key, value]) => [variableOf(key), value]));
}

function settingOf({ name, value }: { readonly name: string; readonly value: string }): string {
  return name === "-o" ? value.slice(0, value.indexOf("=")) : name;
}

function variableOf(property: string): string {
  return `ROOKERY_${property.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
}

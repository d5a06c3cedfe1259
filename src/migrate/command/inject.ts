/**
 * Property injection (S4.61–63): `%{mdb:X}` from the user's record, `%{conf:Y}` from the worker's configuration. The
 * framework's manual also writes `{mdb:exclude}` and `{%mdb:exclude}`; both are understood for that one.
 */
import { createHash } from "node:crypto";
import { type Command, CommandError } from "./command.ts";
import type { MigrationJob } from "../model.ts";

export interface Properties {
  readonly mdb: ReadonlyMap<string, string | undefined>;
  readonly conf: ReadonlyMap<string, string>;
  /** Folders that `exclude` stands for. */
  readonly excludeFolders: readonly string[];
}

const PROPERTY = /%\{(mdb|conf):([^{}]*)\}/g;
const EXCLUDE = new Set(["%{mdb:exclude}", "{%mdb:exclude}", "{mdb:exclude}"]);

export function userProperties({ user, host }: MigrationJob): ReadonlyMap<string, string | undefined> {
  const md5 = createHash("md5").update(user.targetUid).digest("hex");
  return new Map([
    ["uid", user.targetUid],
    ["ruid", user.sourceUid],
    ["sourcehost", host.name],
    ["2chruid", user.sourceUid.slice(0, 2)],
    // The obox container of the user: the same two levels as md5path, as one name.
    ["container", md5.slice(0, 4)],
    ["md5path", `${md5.slice(0, 2)}/${md5.slice(2, 4)}`],
    ["source", user.source],
    ["sourcepasswd", user.password],
    ["imapcoptions", user.imapcOptions.join(" ")],
    ["email", user.email],
    ["sourceport", user.sourcePort === undefined ? undefined : String(user.sourcePort)],
    ["imapc_ssl", user.useImapcSsl === undefined ? undefined : user.useImapcSsl ? "imaps" : "no"],
  ]);
}

/** @throws CommandError for a property that is unknown or that the user does not have */
export function inject(command: Command, properties: Properties): Command {
  const fill = (text: string): string => fillText(text, properties);
  return {
    ...command,
    name: fill(command.name),
    flags: command.flags.map(fill),
    options: command.options.map(({ name, value }) => ({ name: fill(name), value: fill(value) })),
    arguments: command.arguments.flatMap((argument) =>
      EXCLUDE.has(argument)
        ? properties.excludeFolders.flatMap((folder) => ["-x", folder])
        : [fill(argument)],
    ),
    subCommand: command.subCommand === undefined ? undefined : inject(command.subCommand, properties),
  };
}

/** @throws CommandError as `inject` */
export function fillText(
  text: string,
  properties: Properties,
  escape: (value: string) => string = (value) => value,
): string {
  return text.replaceAll(PROPERTY, (_match, kind: string, key: string) =>
    escape(lookUp(kind, key, properties)),
  );
}

function lookUp(kind: string, key: string, { mdb, conf }: Properties): string {
  const overridden = conf.get(key);
  const value = kind === "conf" ? overridden : (overridden ?? mdb.get(key));
  if (value !== undefined) return value;
  if (kind === "mdb" && mdb.has(key)) throw new CommandError(`the user has no value for %{mdb:${key}}`);
  throw new CommandError(`%{${kind}:${key}} is not known`);
}

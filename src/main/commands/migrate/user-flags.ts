import type { Command } from "commander";
import type { UserFields } from "../../../migrate/database/user-fields.ts";
import { collect, parsePort } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { readPassword } from "../../password-input.ts";

/** What can be said of a user, where he is added, changed or submitted. */
export interface UserFlags extends CommonFlags {
  readonly targetUid?: string;
  readonly target?: string;
  readonly host?: string;
  readonly port?: number;
  readonly email?: string;
  readonly withPassword?: boolean;
  readonly imapcOption?: readonly string[];
  readonly ssl?: boolean;
  readonly exclude?: readonly string[];
}

export function addUserFlags(made: Command): Command {
  return made
    .option("--target-uid <uid>", "the user's name at the target")
    .option("--target <target>", "the target")
    .option("--host <host>", "the source host")
    .option("--port <port>", "port of the source host", parsePort)
    .option("--email <address>", "the mail address")
    .option("--with-password", "ask for the password at the source (or read a line of standard input)")
    .option("--imapc-option <name=value>", "an option for the connection; may be repeated", collect)
    .option("--ssl", "TLS towards the source")
    .option("--no-ssl", "no TLS towards the source")
    .option("--exclude <folder>", "a folder that stays behind; may be repeated", collect);
}

export async function toUserFields(sourceUid: string, flags: UserFlags): Promise<UserFields> {
  const password =
    flags.withPassword === true ? await readPassword(`Password of ${sourceUid} at the source: `) : undefined;
  return {
    ...(flags.targetUid !== undefined && { targetUid: flags.targetUid }),
    ...(flags.target !== undefined && { target: flags.target }),
    ...(flags.host !== undefined && { sourceHost: flags.host }),
    ...(flags.port !== undefined && { sourcePort: flags.port }),
    ...(flags.email !== undefined && { email: flags.email }),
    ...(password !== undefined && { password }),
    ...(flags.imapcOption !== undefined && { imapcOptions: flags.imapcOption }),
    ...(flags.ssl !== undefined && { useImapcSsl: flags.ssl }),
    ...(flags.exclude !== undefined && { excludeFolders: flags.exclude }),
  };
}

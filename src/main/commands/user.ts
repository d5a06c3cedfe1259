import type { Command } from "commander";
import type { Json } from "../../admin/operation.ts";
import { systemRandom } from "../../base/io/random.ts";
import { ExitCode } from "../exit-codes.ts";
import { command, commandGroup, operate, parseBytes, parseBytesLimit } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatBytes, formatTable } from "../output.ts";
import { generatePassword, readPassword } from "../password-input.ts";
import { addUsersOfFile, USERS_FILE_HELP } from "./users-file.ts";

interface PasswordFlags extends CommonFlags {
  readonly password?: string;
  readonly generate?: boolean;
}

interface UserRow {
  readonly user: string;
  readonly displayName: string;
  readonly addresses: readonly string[];
  readonly enabled: boolean;
  readonly admin: boolean;
  readonly proxy: boolean;
  readonly quotaBytes: number | null;
}

export function addUserCommands(program: Command): void {
  const user = commandGroup(program, "user", "Users: who can log in and receive mail");
  addUserAdd(user);
  command(user, "list", "List users", ["user list", "user list --domain example.org --json"])
    .option("--domain <domain>", "only users of this domain")
    .action(async (flags: CommonFlags & { domain?: string }) => {
      await operate(flags, {
        operation: "user.list",
        arguments: { domain: flags.domain },
        listing: true,
        text: ({ rows }) =>
          formatTable(
            ["USER", "ADDRESSES", "NAME", "QUOTA", "NOTES"],
            (rows as unknown as UserRow[]).map((row) => [
              row.user,
              row.addresses.join(" "),
              row.displayName,
              row.quotaBytes === null ? "default" : formatBytes(row.quotaBytes),
              notes(row),
            ]),
          ),
      });
    });
  command(user, "password <name>", "Set a new password", [
    "user password alice",
    "user password alice --generate",
    "user password alice < password.txt",
  ])
    .option("--password <password>", "the password itself (other users of this machine can see it)")
    .option("--generate", "make a random one and print it")
    .action(async (name: string, flags: PasswordFlags) => {
      const password = await choosePassword(name, flags);
      await operate(flags, {
        operation: "user.password",
        arguments: { name, password },
        text: () => passwordText(`The password of ${name} is changed.`, password, flags),
        toJson: ({ result }) => (flags.generate === true ? { user: name, password } : result),
      });
    });
  addUserSet(user);
  command(user, "rename <name> <new-name>", "Rename a user and all mailboxes", [
    "user rename alice alice.smith",
  ]).action(async (name: string, newName: string, flags: CommonFlags) => {
    await operate(flags, {
      operation: "user.rename",
      arguments: { name, newName },
      text: () => `User ${name} is now ${newName}.`,
    });
  });
  command(user, "delete <name>", "Delete a user and all mailboxes", [
    "user delete bob",
    "user delete bob --keep-mail",
  ])
    .option("--keep-mail", "keep the mailboxes")
    .action(async (name: string, flags: CommonFlags & { keepMail?: boolean }) => {
      await operate(flags, {
        operation: "user.delete",
        arguments: { name, keepMail: flags.keepMail },
        text: () => `User ${name} is deleted${flags.keepMail === true ? "; the mailboxes are kept" : ""}.`,
      });
    });
}

function addUserAdd(user: Command): void {
  interface AddFlags extends PasswordFlags {
    readonly file?: string;
    readonly displayName?: string;
    readonly admin?: boolean;
    readonly proxy?: boolean;
    readonly quota?: number;
  }
  command(user, "add [name]", "Add a user with INBOX and special folders, or many from a file", [
    "user add alice",
    "user add bob@example.org --generate --quota 2GiB",
    'user add carol --display-name "Carol Smith" < password.txt',
    "user add --file users.csv",
    "user add --file - --generate --json < users.csv",
  ])
    .option("--file <file>", "add the users of a CSV file (- = standard input)")
    .option("--password <password>", "the password itself (other users of this machine can see it)")
    .option("--generate", "make a random password and print it; with --file, of those who have none there")
    .option("--display-name <text>", "the full name")
    .option("--quota <size>", "how much mail may be kept, as in 2GiB", parseBytes)
    .option("--admin", "may administer every mailbox over IMAP")
    .option("--proxy", "may log in for others (front ends)")
    .addHelpText("after", `\n${USERS_FILE_HELP}\n`)
    .action(async (name: string | undefined, flags: AddFlags, self: Command) => {
      const { file } = flags;
      if ((name === undefined) === (file === undefined))
        self.error("error: name a user, or a file with --file", { exitCode: ExitCode.usage });
      if (file !== undefined) {
        const single = ["password", "displayName", "quota", "admin", "proxy"] as const;
        if (single.some((flag) => flags[flag] !== undefined)) {
          self.error("error: with --file, all but --generate stands in the file", {
            exitCode: ExitCode.usage,
          });
        }
        await addUsersOfFile(file, flags);
        return;
      }
      if (name === undefined) return;
      const password = await choosePassword(name, flags);
      await operate(flags, {
        operation: "user.add",
        arguments: {
          name,
          password,
          displayName: flags.displayName,
          quotaBytes: flags.quota,
          admin: flags.admin,
          proxy: flags.proxy,
        },
        text: () => passwordText(`User ${name} is added.`, password, flags),
        toJson: ({ result }) =>
          flags.generate === true ? { ...(result as { readonly [key: string]: Json }), password } : result,
      });
    });
}

function addUserSet(user: Command): void {
  interface SetFlags extends CommonFlags {
    readonly displayName?: string;
    readonly quota?: number | null;
    readonly enable?: boolean;
    readonly disable?: boolean;
    readonly admin?: boolean;
    readonly proxy?: boolean;
  }
  command(user, "set <name>", "Change what is kept about a user", [
    "user set alice --disable",
    "user set alice --quota 5GiB --display-name 'Alice Smith'",
    "user set alice --no-admin --quota none",
  ])
    .option("--display-name <text>", "the full name")
    .option("--quota <size>", "how much mail may be kept; none = the configured default", parseBytesLimit)
    .option("--enable", "the user may log in")
    .option("--disable", "the user may not log in; mail is still accepted")
    .option("--admin", "may administer every mailbox over IMAP")
    .option("--no-admin", "may no longer")
    .option("--proxy", "may log in for others (front ends)")
    .option("--no-proxy", "may no longer")
    .action(async (name: string, flags: SetFlags) => {
      await operate(flags, {
        operation: "user.set",
        arguments: {
          name,
          displayName: flags.displayName,
          quotaBytes: flags.quota,
          enabled: flags.enable === true ? true : flags.disable === true ? false : undefined,
          admin: flags.admin,
          proxy: flags.proxy,
        },
        text: () => `User ${name} is changed.`,
      });
    });
}

async function choosePassword(name: string, flags: PasswordFlags): Promise<string> {
  if (flags.password !== undefined) return flags.password;
  if (flags.generate === true) return generatePassword(systemRandom);
  return readPassword(`Password of ${name}: `);
}

function passwordText(text: string, password: string, flags: PasswordFlags): string {
  return flags.generate === true ? `${text}\nPassword: ${password}  (shown only now)` : text;
}

function notes(row: UserRow): string {
  const words = [row.enabled ? "" : "disabled", row.admin ? "admin" : "", row.proxy ? "proxy" : ""];
  return words.filter((word) => word !== "").join(", ");
}

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Command } from "commander";
import { AdminError } from "../../admin/failure.ts";
import { command, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { ExitCode } from "../exit-codes.ts";
import { formatTable } from "../output.ts";

/** What ManageSieve gives the user himself, for operators. */
export function addScriptCommands(sieve: Command): void {
  command(sieve, "list <user>", "List a user's scripts", ["sieve list alice"]).action(
    async (user: string, flags: CommonFlags) => {
      await operate(flags, {
        operation: "sieve.list",
        arguments: { user },
        listing: true,
        text: ({ rows }) =>
          rows.length === 0
            ? `${user} has no scripts.`
            : formatTable(
                ["NAME", "ACTIVE", "BYTES"],
                (rows as readonly { name: string; active: boolean; sizeBytes: number }[]).map((row) => [
                  row.name,
                  row.active ? "yes" : "",
                  row.sizeBytes,
                ]),
              ),
      });
    },
  );
  command(sieve, "get <user> [name]", "Print a user's script; without a name the active one", [
    "sieve get alice",
    "sieve get alice holidays > holidays.sieve",
  ]).action(async (user: string, name: string | undefined, flags: CommonFlags) => {
    await operate(flags, {
      operation: "sieve.get",
      arguments: { user, name },
      text({ result }) {
        const { content } = result as { readonly content: string | null };
        if (content !== null) return content;
        process.exitCode = ExitCode.findings;
        return name === undefined ? `${user} has no active script.` : `${user} has no script "${name}".`;
      },
    });
  });
  command(sieve, "put <user> <file>", "Add or replace a script of a user; - = standard input", [
    "sieve put alice main.sieve --activate",
    "sieve put alice /var/vmail/alice/.dovecot.sieve --name main --activate",
  ])
    .option("--name <name>", "its name; without it that of the file")
    .option("--activate", "make it the active one")
    .action(
      async (user: string, file: string, flags: CommonFlags & { name?: string; activate?: boolean }) => {
        if (file === "-" && flags.name === undefined) {
          throw new AdminError("argument_invalid", "a script from standard input needs --name");
        }
        const name = flags.name ?? scriptNameOf(file);
        await operate(flags, {
          operation: "sieve.put",
          arguments: { user, name, activate: flags.activate },
          payload: readFileSync(file === "-" ? 0 : file),
          text({ result }) {
            const { warnings } = result as { readonly warnings: readonly string[] };
            const state = flags.activate === true ? " and active" : "";
            return [
              `Script "${name}" of ${user} is stored${state}.`,
              ...warnings.map((text) => `Warning: ${text}`),
            ].join("\n");
          },
        });
      },
    );
  command(sieve, "activate <user> [name]", "Make a script the active one, or none", [
    "sieve activate alice holidays",
    "sieve activate alice --none",
  ])
    .option("--none", "no script is active any longer")
    .action(async (user: string, name: string | undefined, flags: CommonFlags & { none?: boolean }) => {
      if ((name === undefined) !== (flags.none === true)) {
        throw new AdminError("argument_invalid", "exactly one is needed: the name of a script, or --none");
      }
      await operate(flags, {
        operation: "sieve.activate",
        arguments: { user, name: name ?? "" },
        text: () =>
          name === undefined ? `No script of ${user} is active.` : `Script "${name}" of ${user} is active.`,
      });
    });
  command(sieve, "delete <user> <name>", "Delete a script that is not active", [
    "sieve delete alice holidays",
  ]).action(async (user: string, name: string, flags: CommonFlags) => {
    await operate(flags, {
      operation: "sieve.delete",
      arguments: { user, name },
      text: () => `Script "${name}" of ${user} is deleted.`,
    });
  });
}

/** The name that a file's script gets when none is given: `main.sieve` and `.dovecot.sieve` → `main`, `dovecot`. */
function scriptNameOf(path: string): string {
  return basename(path)
    .replace(/\.(?:sieve|script|siv)$/i, "")
    .replace(/^\.(?=.)/, "");
}

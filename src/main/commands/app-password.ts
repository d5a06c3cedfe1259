import type { Command } from "commander";
import { collect, command, commandGroup, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatTable } from "../output.ts";

export function addAppPasswordCommands(program: Command): void {
  const group = commandGroup(program, "app-password", "Passwords of single devices and programs");
  command(group, "add <user> <label>", "Make a password and print it", [
    "app-password add alice phone",
    "app-password add alice backup --protocol imap",
  ])
    .option("--protocol <name>", "good for this protocol only (imap, pop3, dav …); may be repeated", collect)
    .action(async (user: string, label: string, flags: CommonFlags & { protocol?: readonly string[] }) => {
      await operate(flags, {
        operation: "app-password.add",
        arguments: { user, label, protocols: flags.protocol },
        text: ({ result }) => {
          const made = result as { id: string; password: string };
          return `Password: ${made.password}  (shown only now)\nTo revoke it: rookery app-password revoke ${user} ${made.id}`;
        },
      });
    });
  command(group, "list <user>", "List a user's app passwords", ["app-password list alice"]).action(
    async (user: string, flags: CommonFlags) => {
      interface Row {
        readonly id: string;
        readonly label: string;
        readonly protocols: readonly string[];
        readonly created: string;
        readonly lastUsed: string | null;
      }
      await operate(flags, {
        operation: "app-password.list",
        arguments: { user },
        listing: true,
        text: ({ rows }) =>
          formatTable(
            ["ID", "LABEL", "PROTOCOLS", "CREATED", "LAST USED"],
            (rows as unknown as Row[]).map((row) => [
              row.id,
              row.label,
              row.protocols.length === 0 ? "all" : row.protocols.join(" "),
              row.created.slice(0, 10),
              row.lastUsed?.slice(0, 10) ?? "never",
            ]),
          ),
      });
    },
  );
  command(group, "revoke <user> <id>", "Make an app password useless", [
    "app-password revoke alice 4f2a",
  ]).action(async (user: string, id: string, flags: CommonFlags) => {
    await operate(flags, {
      operation: "app-password.revoke",
      arguments: { user, id },
      text: () => `App password ${id} of ${user} is revoked.`,
    });
  });
}

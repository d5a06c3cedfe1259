import type { Command } from "commander";
import { command, commandGroup, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatTable } from "../output.ts";

export function addGroupCommands(program: Command): void {
  const group = commandGroup(program, "group", "Groups of users, for access rights and as addresses");
  command(group, "add <name>", "Add a group", [
    "group add staff",
    "group add staff --address staff@example.org",
  ])
    .option("--address <address>", "mail for this address goes to every member")
    .action(async (name: string, flags: CommonFlags & { address?: string }) => {
      await operate(flags, {
        operation: "group.add",
        arguments: { name, address: flags.address },
        text: () => `Group ${name} is added.`,
      });
    });
  command(group, "list", "List groups and their members", ["group list"]).action(
    async (flags: CommonFlags) => {
      interface Row {
        readonly group: string;
        readonly address: string | null;
        readonly members: readonly string[];
      }
      await operate(flags, {
        operation: "group.list",
        arguments: {},
        listing: true,
        text: ({ rows }) =>
          formatTable(
            ["GROUP", "ADDRESS", "MEMBERS"],
            (rows as unknown as Row[]).map((row) => [row.group, row.address ?? "", row.members.join(" ")]),
          ),
      });
    },
  );
  command(group, "delete <name>", "Delete a group", ["group delete staff"]).action(
    async (name: string, flags: CommonFlags) => {
      await operate(flags, {
        operation: "group.delete",
        arguments: { name },
        text: () => `Group ${name} is deleted.`,
      });
    },
  );
  command(group, "join <group> <user>", "Make a user a member", ["group join staff alice"]).action(
    async (name: string, user: string, flags: CommonFlags) => {
      await operate(flags, {
        operation: "group.join",
        arguments: { group: name, user },
        text: () => `${user} is in ${name}.`,
      });
    },
  );
  command(group, "leave <group> <user>", "End a membership", ["group leave staff alice"]).action(
    async (name: string, user: string, flags: CommonFlags) => {
      await operate(flags, {
        operation: "group.leave",
        arguments: { group: name, user },
        text: () => `${user} is no longer in ${name}.`,
      });
    },
  );
}

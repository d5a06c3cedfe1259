import type { Command } from "commander";
import { command, commandGroup, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatTable } from "../output.ts";

export function addDomainCommands(program: Command): void {
  const domain = commandGroup(program, "domain", "Domains whose mail is taken");
  command(domain, "add <domain>", "Add a domain", [
    "domain add example.org",
    "domain add example.org --default",
  ])
    .option("--default", "its users log in without @domain")
    .action(async (name: string, flags: CommonFlags & { default?: boolean }) => {
      await operate(flags, {
        operation: "domain.add",
        arguments: { domain: name, default: flags.default },
        text: () => `Domain ${name} is added.`,
      });
    });
  command(domain, "list", "List domains", ["domain list --json"]).action(async (flags: CommonFlags) => {
    interface Row {
      readonly domain: string;
      readonly default: boolean;
      readonly users: number;
    }
    await operate(flags, {
      operation: "domain.list",
      arguments: {},
      listing: true,
      text: ({ rows }) =>
        formatTable(
          ["DOMAIN", "USERS", "NOTES"],
          (rows as unknown as Row[]).map((row) => [row.domain, row.users, row.default ? "default" : ""]),
        ),
    });
  });
  command(domain, "delete <domain>", "Delete a domain that has no users and aliases left", [
    "domain delete example.org",
  ]).action(async (name: string, flags: CommonFlags) => {
    await operate(flags, {
      operation: "domain.delete",
      arguments: { domain: name },
      text: () => `Domain ${name} is deleted.`,
    });
  });
}

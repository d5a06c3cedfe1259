import type { Command } from "commander";
import { command, commandGroup, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatTable } from "../output.ts";

export function addAliasCommands(program: Command): void {
  const alias = commandGroup(program, "alias", "Further addresses of users, groups and shared folders");
  command(alias, "add <address> <target...>", "Send what comes for an address to others here", [
    "alias add info@example.org alice bob",
    "alias add @example.org alice",
  ]).action(async (address: string, targets: string[], flags: CommonFlags) => {
    await operate(flags, {
      operation: "alias.add",
      arguments: { address, targets },
      text: () => `Mail for ${address} goes to ${targets.join(", ")} too.`,
    });
  });
  command(alias, "list", "List aliases", ["alias list"]).action(async (flags: CommonFlags) => {
    interface Row {
      readonly address: string;
      readonly targets: readonly string[];
    }
    await operate(flags, {
      operation: "alias.list",
      arguments: {},
      listing: true,
      text: ({ rows }) =>
        formatTable(
          ["ADDRESS", "TARGETS"],
          (rows as unknown as Row[]).map((row) => [row.address, row.targets.join(" ")]),
        ),
    });
  });
  command(alias, "delete <address> [target...]", "Delete an alias, or only some of its targets", [
    "alias delete info@example.org",
    "alias delete info@example.org bob",
  ]).action(async (address: string, targets: string[], flags: CommonFlags) => {
    await operate(flags, {
      operation: "alias.delete",
      arguments: { address, targets: targets.length === 0 ? undefined : targets },
      text: () =>
        targets.length === 0
          ? `Alias ${address} is deleted.`
          : `Mail for ${address} no longer goes to ${targets.join(", ")}.`,
    });
  });
}

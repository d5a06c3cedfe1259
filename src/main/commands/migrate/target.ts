import type { Command } from "commander";
import { command, commandGroup } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { withMigration } from "./with-migration.ts";

export function addTargetCommands(migrate: Command): void {
  const group = commandGroup(migrate, "target", "Systems that users go to");
  command(group, "add <name>", "Add a target; its first worker does it too", [
    "migrate target add default",
  ]).action(async (name: string, flags: CommonFlags) => {
    await withMigration(flags, async ({ backends }, output) => {
      await backends.addTarget(name);
      if (output.json) output.printJson({ name });
      else output.print(`Target ${name} is added.`);
    });
  });
  command(group, "list", "List targets", ["migrate target list"]).action(async (flags: CommonFlags) => {
    await withMigration(flags, async ({ backends }, output) => {
      const names = await backends.targets();
      if (output.json) output.printJson(names.map((name) => ({ name })));
      else output.print(names.length === 0 ? "No targets." : names.join("\n"));
    });
  });
  command(group, "remove <name>", "Remove a target that has no users", ["migrate target remove old"]).action(
    async (name: string, flags: CommonFlags) => {
      await withMigration(flags, async ({ backends }, output) => {
        await backends.removeTarget(name);
        if (output.json) output.printJson({ name });
        else output.print(`Target ${name} is removed.`);
      });
    },
  );
}

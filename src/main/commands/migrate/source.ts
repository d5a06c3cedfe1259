import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { command, commandGroup } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { withMigration } from "./with-migration.ts";

interface KeyFlags extends CommonFlags {
  readonly key?: string;
}

export function addSourceCommands(migrate: Command): void {
  const group = commandGroup(migrate, "source", "Systems that users come from");
  command(group, "add <name>", "Add a source and print the key of its customer", [
    "migrate source add CustomerX",
    "migrate source add CustomerX --key b270b24a-711d-47ee-8bdc-f59ad5c1abf2",
  ])
    .option("--key <key>", "the key (default: a random one)")
    .action(async (name: string, flags: KeyFlags) => {
      await withMigration(flags, async ({ sources }, output) => {
        const source = { name, apiKey: flags.key ?? randomUUID() };
        await sources.add(source);
        if (output.json) output.printJson(source);
        else output.print(keyText(`Source ${name} is added.`, source.apiKey));
      });
    });
  command(group, "key <name>", "Change the key of a source", ["migrate source key CustomerX"])
    .option("--key <key>", "the key (default: a random one)")
    .action(async (name: string, flags: KeyFlags) => {
      await withMigration(flags, async ({ sources }, output) => {
        const source = { name, apiKey: flags.key ?? randomUUID() };
        await sources.setKey(source);
        if (output.json) output.printJson(source);
        else output.print(keyText(`The key of source ${name} is changed.`, source.apiKey));
      });
    });
  command(group, "list", "List sources", ["migrate source list"]).action(async (flags: CommonFlags) => {
    await withMigration(flags, async ({ sources }, output) => {
      const names = await sources.list();
      if (output.json) output.printJson(names.map((name) => ({ name })));
      else output.print(names.length === 0 ? "No sources." : names.join("\n"));
    });
  });
  command(group, "remove <name>", "Remove a source that has no users", [
    "migrate source remove CustomerX",
  ]).action(async (name: string, flags: CommonFlags) => {
    await withMigration(flags, async ({ sources }, output) => {
      await sources.remove(name);
      if (output.json) output.printJson({ name });
      else output.print(`Source ${name} is removed.`);
    });
  });
}

function keyText(text: string, apiKey: string): string {
  return `${text}\nKey: ${apiKey}  (shown only now)`;
}

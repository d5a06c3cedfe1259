import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { collect, command, commandGroup } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { ExitCode } from "../../exit-codes.ts";
import { formatTable } from "../../output.ts";
import { withMigration } from "./with-migration.ts";

interface KeyFlags extends CommonFlags {
  readonly key?: string;
  readonly targetUid?: readonly string[];
}

export function addSourceCommands(migrate: Command): void {
  const group = commandGroup(migrate, "source", "Systems that users come from");
  command(group, "add <name>", "Add a source and print the key of its customer", [
    "migrate source add CustomerX",
    "migrate source add CustomerX --key b270b24a-711d-47ee-8bdc-f59ad5c1abf2",
    "migrate source add CustomerX --target-uid '*@customer.example' --target-uid info",
  ])
    .option("--key <key>", "the key (default: a random one)")
    .option(
      "--target-uid <pattern>",
      "target uids that its users may have, * = any characters but @ (default: all); may be repeated",
      collect,
    )
    .action(async (name: string, flags: KeyFlags) => {
      await withMigration(flags, async ({ sources }, output) => {
        const source = { name, apiKey: flags.key ?? randomUUID(), targetUids: flags.targetUid };
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
        await sources.set(name, { apiKey: source.apiKey });
        if (output.json) output.printJson(source);
        else output.print(keyText(`The key of source ${name} is changed.`, source.apiKey));
      });
    });
  command(
    group,
    "allow <name> [pattern...]",
    "Say which target uids the users of a source may get from now on",
    ["migrate source allow CustomerX '*@customer.example' info", "migrate source allow CustomerX --any"],
  )
    .option("--any", "every one that no other source has")
    .action(
      async (
        name: string,
        patterns: readonly string[],
        flags: CommonFlags & { readonly any?: boolean },
        self: Command,
      ) => {
        if ((patterns.length === 0) !== (flags.any === true))
          self.error("error: name patterns, or --any", { exitCode: ExitCode.usage });
        const targetUids = flags.any === true ? undefined : patterns;
        await withMigration(flags, async ({ sources }, output) => {
          await sources.set(name, { rules: { targetUids } });
          if (output.json) output.printJson({ name, targetUids: targetUids ?? null });
          else output.print(`Users of source ${name} may get ${targetUids?.join(", ") ?? "any target uid"}.`);
        });
      },
    );
  command(group, "list", "List sources", ["migrate source list"]).action(async (flags: CommonFlags) => {
    await withMigration(flags, async ({ sources }, output) => {
      const listed = await sources.list();
      if (output.json)
        output.printJson(listed.map(({ name, targetUids }) => ({ name, targetUids: targetUids ?? null })));
      else if (listed.length === 0) output.print("No sources.");
      else {
        const rows = listed.map(({ name, targetUids }) => [name, targetUids?.join(" ") ?? "any"]);
        output.print(formatTable(["SOURCE", "TARGET UIDS"], rows));
      }
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

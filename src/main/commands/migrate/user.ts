import type { Command } from "commander";
import type { StoredUser } from "../../../migrate/database/user-row.ts";
import { MigrateError } from "../../../migrate/errors.ts";
import { userAnswer } from "../../../migrate/scheduler/shapes.ts";
import { command, commandGroup, parseCount } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { formatTable } from "../../output.ts";
import { addUserFlags, toUserFields, type UserFlags } from "./user-flags.ts";
import { withMigration } from "./with-migration.ts";

const LISTED = 100;

export function addMigrationUserCommands(migrate: Command): void {
  const group = commandGroup(migrate, "user", "Users of a source");
  addUserFlags(
    command(group, "add <source> <uid>", "Add a user without a migration", [
      "migrate user add CustomerX anna --target-uid anna@example.org --target default --host imap.old.example",
      "migrate user add CustomerX anna --target-uid anna --target default --host imap.old.example --with-password",
    ]),
  ).action(async (source: string, uid: string, flags: UserFlags) => {
    const fields = await toUserFields(uid, flags);
    await withMigration(flags, async ({ users }, output) => {
      await users.create(source, uid, fields);
      if (output.json) output.printJson({ source, sourceUid: uid });
      else output.print(`User ${uid} of source ${source} is added.`);
    });
  });
  addUserFlags(
    command(group, "set <source> <uid>", "Change a user; what is not named stays", [
      "migrate user set CustomerX anna --exclude Trash --exclude Junk",
      "migrate user set CustomerX anna --with-password < password.txt",
    ]),
  ).action(async (source: string, uid: string, flags: UserFlags) => {
    const fields = await toUserFields(uid, flags);
    await withMigration(flags, async ({ users }, output) => {
      await users.update(source, uid, fields);
      if (output.json) output.printJson({ source, sourceUid: uid });
      else output.print(`User ${uid} of source ${source} is changed.`);
    });
  });
  command(group, "show <source> <uid>", "Show a user", ["migrate user show CustomerX anna"]).action(
    async (source: string, uid: string, flags: CommonFlags) => {
      await withMigration(flags, async ({ users }, output) => {
        const user = await users.find(source, uid);
        if (user === undefined) throw new MigrateError("not_found", `there is no user "${uid}"`);
        const facts = userAnswer(user);
        if (output.json) output.printJson(facts);
        else {
          const lines = Object.entries(facts).map(([name, value]) => `${name}: ${[value].flat().join(", ")}`);
          output.print(lines.join("\n"));
        }
      });
    },
  );
  command(group, "list <source>", "List users by name", [
    "migrate user list CustomerX",
    "migrate user list CustomerX --after anna --limit 1000",
  ])
    .option("--after <uid>", "only those behind this one", "")
    .option("--limit <n>", "how many", parseCount, LISTED)
    .action(async (source: string, flags: CommonFlags & { after: string; limit: number }) => {
      await withMigration(flags, async ({ users }, output) => {
        const list = await users.list(source, flags.after, flags.limit);
        if (output.json) output.printJson(list.map(userAnswer));
        else output.print(list.length === 0 ? "No users." : listText(list));
      });
    });
  command(group, "remove <source> <uid>", "Remove a user and the records of his migrations", [
    "migrate user remove CustomerX anna",
  ]).action(async (source: string, uid: string, flags: CommonFlags) => {
    await withMigration(flags, async ({ users }, output) => {
      await users.remove(source, uid);
      if (output.json) output.printJson({ source, sourceUid: uid });
      else output.print(`User ${uid} of source ${source} is removed; mail that was copied stays.`);
    });
  });
}

function listText(list: readonly StoredUser[]): string {
  return formatTable(
    ["SOURCE UID", "TARGET UID", "TARGET", "HOST", "PASSWORD"],
    list.map(({ sourceUid, targetUid, target, sourceHost, password }) => [
      sourceUid,
      targetUid,
      target,
      sourceHost,
      password === undefined ? "" : "kept",
    ]),
  );
}

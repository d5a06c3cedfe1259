import { type Command, Option } from "commander";
import type { JournalCount } from "../../../migrate/database/journal.ts";
import { MigrateError } from "../../../migrate/errors.ts";
import type { JobResult, MigrationStatus } from "../../../migrate/model.ts";
import { type LearnedHost, learnedHosts } from "../../../migrate/pace/learned.ts";
import type { JournalEntry } from "../../../migrate/record.ts";
import { command, parseCount } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { ExitCode } from "../../exit-codes.ts";
import { formatTable } from "../../output.ts";
import { learnedOf, learnedText } from "./host-limits.ts";
import { addSubmitPhaseFlags, type SubmitPhaseFlags, toPhase } from "./phase.ts";
import { addUserFlags, toUserFields, type UserFlags } from "./user-flags.ts";
import { withMigration } from "./with-migration.ts";

const LISTED = 50;
const PAGE = 1_000;

export function addJobCommands(migrate: Command): void {
  addSubmitCommand(migrate);
  command(
    migrate,
    "status [source] [uid]",
    "Count migrations, list those of a source, or show a user's latest one",
    ["migrate status", "migrate status CustomerX --status failed", "migrate status CustomerX anna"],
  )
    .addOption(
      new Option("--status <status>", "only these").choices([
        "ready",
        "sync",
        "success",
        "failed",
        "aborted",
      ]),
    )
    .option("--limit <n>", "how many, the latest first", parseCount, LISTED)
    .action(
      async (
        source: string | undefined,
        uid: string | undefined,
        flags: CommonFlags & { status?: string; limit: number },
      ) => {
        await withMigration(flags, async ({ journal, sql, clock }, output) => {
          if (uid !== undefined && source !== undefined) {
            const record = await journal.findLatest(source, uid);
            if (record === undefined) throw new MigrateError("not_found", `user "${uid}" has no migration`);
            if (output.json) output.printJson(record);
            else output.print(JSON.stringify(record, undefined, 2));
            return;
          }
          if (source === undefined && flags.status === undefined) {
            const counts = await journal.counts();
            const hosts = await learnedHosts(sql);
            if (output.json) {
              output.printJson(
                counts.map((one) => ({
                  ...one,
                  learned: learnedOf(hosts, one.source, one.sourceHost) ?? null,
                })),
              );
            } else
              output.print(counts.length === 0 ? "No migrations." : countText(counts, hosts, clock.nowMs()));
            return;
          }
          const status = flags.status?.toUpperCase() as MigrationStatus | undefined;
          const entries = await journal.list({
            source,
            status,
            after: 0,
            limit: flags.limit,
            latestFirst: true,
          });
          if (output.json) output.printJson(entries);
          else output.print(entries.length === 0 ? "No migrations." : entryText(entries));
        });
      },
    );
  command(migrate, "close <source> <uid>", "Close a user's open migration and free its connection", [
    "migrate close CustomerX anna",
    "migrate close CustomerX anna --as failed",
  ])
    .addOption(
      new Option("--as <status>", "how it ended")
        .choices(["aborted", "failed", "success"])
        .default("aborted"),
    )
    .action(async (source: string, uid: string, flags: CommonFlags & { as: string }) => {
      await withMigration(flags, async ({ journal }, output) => {
        const status = flags.as.toUpperCase() as JobResult["status"];
        await journal.closeLatest(source, uid, status);
        if (output.json) output.printJson({ source, sourceUid: uid, status });
        else
          output.print(
            `The migration of ${uid} is closed as ${status}; what its worker still writes is refused.`,
          );
      });
    });
}

interface SubmitFlags extends UserFlags, SubmitPhaseFlags {
  readonly all?: boolean;
}

function addSubmitCommand(migrate: Command): void {
  addUserFlags(
    addSubmitPhaseFlags(
      command(migrate, "submit <source> [uid...]", "Queue migrations; a new user is added", [
        "migrate submit CustomerX anna --phase pre-sync",
        "migrate submit CustomerX anna --phase pre-sync --target-uid anna --target default --host imap.old.example",
        "migrate submit CustomerX --all --phase cutover --priority",
      ]),
    ).option("--all", "every user of the source that has no open migration"),
  ).action(async (source: string, uids: readonly string[], flags: SubmitFlags) => {
    if (flags.phase === undefined)
      throw new MigrateError("invalid", "say --phase pre-sync or --phase cutover");
    if ((uids.length === 0) === (flags.all !== true)) {
      throw new MigrateError("invalid", "name users, or all with --all");
    }
    const phase = toPhase(flags.phase);
    const fields = await toUserFields(uids[0] ?? "", flags);
    await withMigration(flags, async ({ users }, output) => {
      const migration = {
        phase,
        priority: flags.priority === true,
        dryRun: flags.dryRun === true,
        acceptLosses: flags.accept === true,
        notBeforeMs: 0,
      };
      let submitted = 0;
      let open = 0;
      const refused: { sourceUid: string; reason: string }[] = [];
      const submit = async (uid: string): Promise<void> => {
        try {
          await users.submit(source, uid, fields, migration);
          submitted++;
        } catch (error) {
          if (!(error instanceof MigrateError)) throw error;
          if (flags.all !== true && uids.length === 1) throw error;
          if (flags.all === true && error.code === "conflict") {
            open++;
            return;
          }
          refused.push({ sourceUid: uid, reason: error.message });
        }
      };
      if (flags.all === true) {
        for (let after = ""; ;) {
          const page = (await users.list(source, after, PAGE)).map(({ sourceUid }) => sourceUid);
          await Promise.all(page.map(submit));
          const last = page.at(-1);
          if (last === undefined) break;
          after = last;
        }
      } else for (const uid of uids) await submit(uid);
      if (output.json) output.printJson({ submitted, open, refused });
      else {
        for (const { sourceUid, reason } of refused) output.note(`${sourceUid}: ${reason}`);
        const waiting = open === 0 ? "" : `, ${open} had one already`;
        output.print(`${submitted} submitted${waiting}, ${refused.length} refused.`);
      }
      if (refused.length > 0) process.exitCode = ExitCode.findings;
    });
  });
}

function countText(counts: readonly JournalCount[], hosts: readonly LearnedHost[], nowMs: number): string {
  return formatTable(
    ["SOURCE", "HOST", "PHASE", "STATUS", "MIGRATIONS", "HOST LEARNED"],
    counts.map(({ source, sourceHost, phase, status, count }) => [
      source,
      sourceHost,
      phase,
      status,
      count,
      learnedText(learnedOf(hosts, source, sourceHost), nowMs),
    ]),
  );
}

function entryText(entries: readonly JournalEntry[]): string {
  return formatTable(
    ["ID", "USER", "HOST", "PHASE", "STATUS", "BACKEND", "MODIFIED", "NOT BEFORE", "ERROR"],
    entries.map(({ sourceHost, record }) => [
      record.id,
      record.sourceUid,
      sourceHost,
      record.phase,
      record.status,
      record.backend ?? "",
      record.modified,
      record.notBefore ?? "",
      record.error ?? "",
    ]),
  );
}

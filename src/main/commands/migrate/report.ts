import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { MigrationDatabase } from "../../../migrate/database/open.ts";
import { MigrateError } from "../../../migrate/errors.ts";
import { Ledger, type LedgerUser } from "../../../migrate/ledger/ledger.ts";
import {
  csvReport,
  htmlReport,
  textReport,
  totalOf,
  type UserReport,
  userReport,
} from "../../../migrate/ledger/report.ts";
import { command } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { ExitCode } from "../../exit-codes.ts";
import { withMigration } from "./with-migration.ts";

interface ReportFlags extends CommonFlags {
  readonly all?: boolean;
  readonly csv?: boolean;
  readonly html?: boolean;
  readonly output?: string;
  readonly verify?: boolean;
  readonly accept?: boolean;
}

/** How often the journal is asked whether the verification has ended. */
const LOOK_MS = 500;

export function addReportCommand(migrate: Command): void {
  command(
    migrate,
    "report [source] [uid]",
    "Tell what became of every message: saved, skipped and why, missing",
    [
      "migrate report CustomerX anna",
      "migrate report CustomerX anna --verify",
      "migrate report --all --csv --output report.csv",
      "migrate report CustomerX --html --output report.html",
    ],
  )
    .option("--all", "users of all sources")
    .option("--csv", "as CSV (RFC 4180)")
    .option("--html", "as a page")
    .option("--output <file>", "into this file")
    .option("--verify", "have a worker read both sides again and compare every message first")
    .option("--accept", "take the losses that the last verification lists; the user may then be cut over")
    .action(async (source: string | undefined, uid: string | undefined, flags: ReportFlags) => {
      if ((source === undefined) === (flags.all !== true)) {
        throw new MigrateError("invalid", "name a source and a user, a source, or all with --all");
      }
      await withMigration(flags, async (migration, output) => {
        const ledger = await Ledger.open(migration.sql);
        const users = (await ledger.users()).filter(
          (user) =>
            (source === undefined || user.source === source) && (uid === undefined || user.sourceUid === uid),
        );
        const [user] = users;
        if (user === undefined) throw new MigrateError("not_found", "nothing was migrated of that yet");
        const failures = flags.verify === true ? await verify(migration, users, output) : [];
        if (flags.accept === true) for (const one of users) await ledger.acceptLosses(one);
        const reports: UserReport[] = [];
        for (const one of users) reports.push(await userReport(ledger, one));
        const text = printed(reports, flags);
        if (flags.output !== undefined) writeFileSync(flags.output, text);
        else output.print(text.trimEnd());
        const losses = reports.some(
          (report) => totalOf(report).losses > 0 || (report.verification?.losses ?? 0) > 0,
        );
        for (const { source, sourceUid, reason } of failures) {
          output.note(`${source} ${sourceUid} could not be verified: ${reason}`);
        }
        if (losses || failures.length > 0) process.exitCode = ExitCode.findings;
      });
    });
}

function printed(reports: readonly UserReport[], flags: ReportFlags): string {
  if (flags.csv === true) return csvReport(reports);
  if (flags.html === true) return htmlReport(reports, Date.now());
  if (flags.json === true) return `${JSON.stringify(reports, undefined, 2)}\n`;
  return reports.map(textReport).join("");
}

interface VerifyFailure extends LedgerUser {
  readonly reason: string;
}

/**
 * A dry run compares what was copied; the worker that serves the target does it. One user who cannot be verified, his
 * migration is open or fails, keeps nobody else from it.
 */
async function verify(
  { users, journal }: MigrationDatabase,
  list: readonly LedgerUser[],
  output: { note(text: string): void },
): Promise<readonly VerifyFailure[]> {
  const job = { phase: "PRE_SYNC", priority: true, dryRun: true, notBeforeMs: 0 } as const;
  const failures: VerifyFailure[] = [];
  const submitted: LedgerUser[] = [];
  for (const user of list) {
    try {
      await users.submit(user.source, user.sourceUid, {}, job);
      submitted.push(user);
    } catch (error) {
      if (!(error instanceof MigrateError)) throw error;
      failures.push({ ...user, reason: error.message });
    }
  }
  if (submitted.length > 0) {
    output.note(`verifying ${submitted.length === 1 ? "1 user" : `${submitted.length} users`} …`);
  }
  for (const user of submitted) {
    for (;;) {
      const record = await journal.findLatest(user.source, user.sourceUid);
      if (record?.status === "SUCCESS") break;
      if (record?.status === "FAILED" || record?.status === "ABORTED") {
        failures.push({ ...user, reason: record.error ?? "stopped" });
        break;
      }
      await sleep(LOOK_MS);
    }
  }
  return failures;
}

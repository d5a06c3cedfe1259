/** `rookery migrate plan`: a domain in waves, each within its hours, with a way back. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { MigrationDatabase } from "../../../migrate/database/open.ts";
import { MigrateError } from "../../../migrate/errors.ts";
import type { Phase } from "../../../migrate/model.ts";
import type { Wave, WaveCount } from "../../../migrate/plan/waves.ts";
import { isRunning } from "../../../migrate/plan/waves.ts";
import { command, commandGroup, parseCount } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { ExitCode } from "../../exit-codes.ts";
import { formatTable, type Output } from "../../output.ts";
import { addSubmitPhaseFlags, type SubmitPhaseFlags, toPhase } from "./phase.ts";
import { withMigration } from "./with-migration.ts";

const PAGE = 1_000;

interface CreateFlags extends CommonFlags {
  readonly users?: string;
  readonly domain?: string;
  readonly all?: boolean;
  readonly size?: number;
  readonly window: readonly string[];
  readonly timeZone: string;
}

export function addPlanCommands(migrate: Command): void {
  const plan = commandGroup(migrate, "plan", "Migrate many users in waves, within hours of the day");
  command(plan, "create <wave> <source>", "Put users of a source into a wave, or into several of a size", [
    'migrate plan create staff CustomerX --users staff.txt --window "mon-fri 20:00-06:00"',
    'migrate plan create all CustomerX --domain example.org --size 500 --window "22:00-06:00"',
  ])
    .option("--users <file>", "source uids, one a line; - reads standard input")
    .option("--domain <domain>", "every user whose source uid ends in @domain")
    .option("--all", "every user of the source")
    .option("--size <n>", "users of one wave; more become WAVE-2, WAVE-3 …", parseCount)
    .option(
      "--window <hours>",
      "when it may run, such as 22:00-06:00; may be given several times",
      collect,
      [],
    )
    .option("--time-zone <zone>", "of the windows", Intl.DateTimeFormat().resolvedOptions().timeZone)
    .action((wave: string, source: string, flags: CreateFlags) =>
      withMigration(flags, (migration, output) => createWaves(wave, source, flags, migration, output)),
    );
  command(plan, "list", "Waves and where their users stand", ["migrate plan list"]).action(
    (flags: CommonFlags) => withMigration(flags, listWaves),
  );
  addSubmitPhaseFlags(
    command(plan, "submit <wave>", "Queue a migration for every user of the wave that has none open", [
      "migrate plan submit staff --phase pre-sync",
      "migrate plan submit staff --phase cutover --priority",
    ]),
  ).action((wave: string, flags: CommonFlags & SubmitPhaseFlags) =>
    withMigration(flags, async (migration, output) => {
      if (flags.phase === undefined)
        throw new MigrateError("invalid", "say --phase pre-sync or --phase cutover");
      await submitWave(wave, toPhase(flags.phase), flags, migration, output);
    }),
  );
  command(plan, "pause <wave>", "Begin no more migrations of the wave, give its pre-syncs back", [
    "migrate plan pause staff",
  ]).action((wave: string, flags: CommonFlags) =>
    withMigration(flags, async ({ waves }, output) => {
      await waves.setState(wave, "PAUSED");
      tell(
        output,
        { wave, state: "PAUSED" },
        `Wave ${wave} is paused. Cutovers that have begun are finished.`,
      );
    }),
  );
  command(plan, "resume <wave>", "Go on with a paused wave", ["migrate plan resume staff"]).action(
    (wave: string, flags: CommonFlags) =>
      withMigration(flags, async ({ waves }, output) => {
        await waves.setState(wave, "RUNNING");
        tell(output, { wave, state: "RUNNING" }, `Wave ${wave} goes on within its windows.`);
      }),
  );
  command(plan, "rollback <wave>", "Take the route of users who were cut over back to their source", [
    "migrate plan rollback staff",
  ]).action((wave: string, flags: CommonFlags) =>
    withMigration(flags, (migration, output) => submitWave(wave, "ROLLBACK", {}, migration, output)),
  );
  command(plan, "remove <wave>", "Forget a wave; its users stay", ["migrate plan remove staff"]).action(
    (wave: string, flags: CommonFlags) =>
      withMigration(flags, async ({ waves }, output) => {
        await waves.remove(wave);
        tell(output, { wave, removed: true }, `Wave ${wave} is removed.`);
      }),
  );
}

async function createWaves(
  name: string,
  source: string,
  flags: CreateFlags,
  migration: MigrationDatabase,
  output: Output,
): Promise<void> {
  const { waves } = migration;
  if ([flags.users, flags.domain, flags.all].filter((given) => given !== undefined).length !== 1) {
    throw new MigrateError("invalid", "say who is in it: --users FILE, --domain DOMAIN or --all");
  }
  const uids = await chooseUsers(source, flags, migration);
  if (uids.length === 0) throw new MigrateError("not_found", "nobody is in it");
  const size = flags.size ?? uids.length;
  const made: { wave: string; users: number }[] = [];
  const unknown: string[] = [];
  for (let at = 0; at < uids.length; at += size) {
    const wave = at === 0 ? name : `${name}-${at / size + 1}`;
    await waves.create({ name: wave, source, windows: flags.window, timeZone: flags.timeZone });
    const part = uids.slice(at, at + size);
    const missing = await waves.addUsers(await waves.get(wave), part);
    unknown.push(...missing);
    made.push({ wave, users: part.length - missing.length });
  }
  for (const uid of unknown) output.note(`${uid}: the source has no such user`);
  tell(
    output,
    { waves: made, unknown },
    made.map(({ wave, users }) => `Wave ${wave}: ${users} users.`).join("\n"),
  );
  if (unknown.length > 0) process.exitCode = ExitCode.findings;
}

async function chooseUsers(
  source: string,
  { users: file, domain }: CreateFlags,
  { users }: MigrationDatabase,
): Promise<string[]> {
  if (file !== undefined) {
    const lines = readFileSync(file === "-" ? 0 : file, "utf8").split("\n");
    return [
      ...new Set(lines.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"))),
    ];
  }
  const suffix = domain === undefined ? "" : `@${domain.toLowerCase()}`;
  const found: string[] = [];
  for (let after = ""; ;) {
    const page = await users.list(source, after, PAGE);
    const last = page.at(-1);
    if (last === undefined) return found;
    found.push(...page.map(({ sourceUid }) => sourceUid).filter((uid) => uid.toLowerCase().endsWith(suffix)));
    after = last.sourceUid;
  }
}

async function submitWave(
  name: string,
  phase: Phase,
  flags: Pick<SubmitPhaseFlags, "priority" | "dryRun" | "accept">,
  { users, waves }: MigrationDatabase,
  output: Output,
): Promise<void> {
  const { source } = await waves.get(name);
  const migration = {
    phase,
    priority: flags.priority === true,
    dryRun: flags.dryRun === true,
    acceptLosses: flags.accept === true,
    notBeforeMs: 0,
    wave: name,
  };
  let submitted = 0;
  let open = 0;
  const submit = async (uid: string): Promise<void> => {
    try {
      await users.submit(source, uid, {}, migration);
      submitted += 1;
    } catch (error) {
      if (!(error instanceof MigrateError) || error.code !== "conflict") throw error;
      open += 1;
    }
  };
  for (let after = ""; ;) {
    const page =
      phase === "ROLLBACK" ? await waves.cutOver(name, after, PAGE) : await waves.users(name, after, PAGE);
    await Promise.all(page.map(submit));
    const last = page.at(-1);
    if (last === undefined) break;
    after = last;
  }
  const waiting = open === 0 ? "" : `, ${open} had one already`;
  tell(output, { wave: name, phase, submitted, open }, `${submitted} submitted${waiting}.`);
}

async function listWaves({ waves, clock }: MigrationDatabase, output: Output): Promise<void> {
  const nowMs = clock.nowMs();
  const rows: { wave: Wave; runs: boolean; counts: readonly WaveCount[] }[] = [];
  for (const wave of await waves.list()) {
    rows.push({ wave, runs: isRunning(wave, nowMs), counts: await waves.counts(wave.name) });
  }
  if (output.json) {
    output.printJson(rows.map(({ wave, runs, counts }) => ({ ...wave, runs, counts })));
    return;
  }
  output.print(
    rows.length === 0
      ? "No waves."
      : formatTable(
          ["WAVE", "SOURCE", "STATE", "WINDOWS", "USERS", "WHERE THEY STAND"],
          rows.map(({ wave, runs, counts }) => [
            wave.name,
            wave.source,
            wave.state === "PAUSED" ? "paused" : runs ? "running" : "waits for its window",
            wave.windows.length === 0 ? "always" : `${wave.windows.join("; ")} (${wave.timeZone})`,
            counts.reduce((sum, { count }) => sum + count, 0),
            counts.map(standing).join(", "),
          ]),
        ),
  );
}

function standing({ phase, status, count }: WaveCount): string {
  return `${count} ${phase === undefined ? "not submitted" : `${phase} ${status ?? ""}`}`;
}

function tell(output: Output, value: unknown, text: string): void {
  if (output.json) output.printJson(value);
  else output.print(text);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

import { type Command, Option } from "commander";
import { isoTime } from "../../../migrate/database/journal.ts";
import type { Backend, BackendChange } from "../../../migrate/database/backends.ts";
import { MigrateError } from "../../../migrate/errors.ts";
import type { BackendState } from "../../../migrate/job-queue.ts";
import { command, commandGroup, parseCount } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { formatTable } from "../../output.ts";
import { withMigration } from "./with-migration.ts";

const STATES = ["running", "paused", "stopped"] as const;

export function addBackendCommands(migrate: Command): void {
  const group = commandGroup(migrate, "backend", "Workers");
  command(group, "list [target]", "List workers", ["migrate backend list"]).action(
    async (target: string | undefined, flags: CommonFlags) => {
      await withMigration(flags, async ({ backends }, output) => {
        const list = await backends.list(target);
        if (output.json) output.printJson(list.map(shown));
        else output.print(list.length === 0 ? "No workers." : listText(list));
      });
    },
  );
  order(group, "start", "Let a worker take jobs", "RUNNING");
  order(group, "pause", "Let a worker end its jobs and take no new ones", "PAUSED");
  order(group, "stop", "Make a worker give its jobs back and take no new ones", "STOPPED");
  command(group, "set <backend>", "Change what a worker may do", [
    "migrate backend set default/dmf-worker --threads 40",
    "migrate backend set default/dmf-worker --initial-state paused",
  ])
    .option("--threads <n>", "migrations at a time", parseCount)
    .addOption(new Option("--initial-state <state>", "what it does when it starts").choices(STATES))
    .action(async (backend: string, flags: CommonFlags & { threads?: number; initialState?: string }) => {
      await change(flags, backend, {
        maxThreads: flags.threads,
        initialState: flags.initialState?.toUpperCase() as BackendState | undefined,
      });
    });
  command(group, "remove <backend>", "Forget a worker that is gone", [
    "migrate backend remove default/old-worker",
  ]).action(async (backend: string, flags: CommonFlags) => {
    await withMigration(flags, async ({ backends }, output) => {
      await backends.remove(...parts(backend));
      if (output.json) output.printJson({ backend });
      else output.print(`Worker ${backend} is forgotten.`);
    });
  });
}

function order(group: Command, verb: string, summary: string, state: BackendState): void {
  command(group, `${verb} <backend>`, summary, [`migrate backend ${verb} default/dmf-worker`]).action(
    async (backend: string, flags: CommonFlags) => change(flags, backend, { state }),
  );
}

async function change(flags: CommonFlags, backend: string, wish: BackendChange): Promise<void> {
  await withMigration(flags, async ({ backends }, output) => {
    const [target, name] = parts(backend);
    await backends.change(target, name, wish);
    const now = await backends.find(target, name);
    if (output.json) output.printJson(now === undefined ? null : shown(now));
    else output.print(`Worker ${backend} is changed; it hears of it within a minute.`);
  });
}

function parts(backend: string): [target: string, name: string] {
  const at = backend.indexOf("/");
  if (at < 1) throw new MigrateError("invalid", `"${backend}" is no worker: expected TARGET/NAME`);
  return [backend.slice(0, at), backend.slice(at + 1)];
}

function shown({ startedMs, heartbeatMs, ...backend }: Backend) {
  return { ...backend, started: isoTime(startedMs), lastSeen: isoTime(heartbeatMs) };
}

function listText(list: readonly Backend[]): string {
  return formatTable(
    ["WORKER", "STATE", "JOBS", "THREADS", "AT START", "VERSION", "LAST SEEN"],
    list.map((backend) => [
      `${backend.target}/${backend.name}`,
      backend.alive ? backend.state.toLowerCase() : "lost",
      backend.running,
      backend.maxThreads,
      backend.initialState.toLowerCase(),
      backend.version,
      isoTime(backend.heartbeatMs),
    ]),
  );
}

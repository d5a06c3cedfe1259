import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { parse } from "yaml";
import { CommandError, readCommand } from "../../../migrate/command/command.ts";
import { MigrateError } from "../../../migrate/errors.ts";
import type { SourceHost } from "../../../migrate/model.ts";
import type { HostState } from "../../../migrate/pace/host-row.ts";
import { type LearnedHost, learnedHosts } from "../../../migrate/pace/learned.ts";
import { command, commandGroup, parseBytes, parseCount } from "../../command-line.ts";
import type { CommonFlags } from "../../configuration.ts";
import { formatBytes, formatTable } from "../../output.ts";
import { learnedOf, learnedText, ratesText } from "./host-limits.ts";
import { withMigration } from "./with-migration.ts";

interface HostFlags extends CommonFlags {
  readonly connections?: number;
  readonly command1?: string;
  readonly command2?: string;
  readonly statusCommand?: string;
  readonly messagesPerSecond?: number;
  readonly bytesPerSecond?: number;
}

const DEFAULT_CONNECTIONS = 10;

export function addHostCommands(migrate: Command): void {
  const group = commandGroup(migrate, "host", "IMAP servers of a source, with their limits");
  hostFlags(
    command(group, "add <source> <host>", "Add a host", [
      "migrate host add CustomerX imap.old.example --connections 20",
      "migrate host add CustomerX imap.old.example --command1 presync.yaml --status-command status.yaml",
    ]),
  ).action(async (source: string, name: string, flags: HostFlags) => {
    await withMigration(flags, async ({ sources }, output) => {
      const empty: SourceHost = {
        source,
        name,
        maxConnections: DEFAULT_CONNECTIONS,
        migrationCommand1: "",
        migrationCommand2: "",
        statusCommand: "",
        maxMessagesPerSecond: 0,
        maxBytesPerSecond: 0,
      };
      const host = changed(empty, flags);
      await sources.addHost(host);
      if (output.json) output.printJson(host);
      else output.print(`Host ${name} of source ${source} is added.`);
    });
  });
  hostFlags(
    command(group, "set <source> <host>", "Change a host; what is not named stays", [
      "migrate host set CustomerX imap.old.example --connections 50",
      "migrate host set CustomerX imap.old.example --bytes-per-second 20MiB",
    ]),
  ).action(async (source: string, name: string, flags: HostFlags) => {
    await withMigration(flags, async ({ sources }, output) => {
      const before = await sources.findHost(source, name);
      if (before === undefined) {
        throw new MigrateError("not_found", `source "${source}" has no source host "${name}"`);
      }
      const host = changed(before, flags);
      await sources.setHost(host);
      if (output.json) output.printJson(host);
      else output.print(`Host ${name} of source ${source} is changed.`);
    });
  });
  command(group, "list <source>", "List the hosts of a source", ["migrate host list CustomerX"]).action(
    async (source: string, flags: CommonFlags) => {
      await withMigration(flags, async ({ sources, sql, clock }, output) => {
        const hosts = await sources.hosts(source);
        const learned = await learnedHosts(sql, source);
        if (output.json) {
          output.printJson(
            hosts.map((host) => ({ ...host, learned: learnedOf(learned, source, host.name) ?? null })),
          );
        } else output.print(hosts.length === 0 ? "No hosts." : listText(hosts, learned, clock.nowMs()));
      });
    },
  );
  command(group, "show <source> <host>", "Show a host, and what was learned of its patience", [
    "migrate host show CustomerX imap.old.example",
  ]).action(async (source: string, name: string, flags: CommonFlags) => {
    await withMigration(flags, async ({ sources, sql, clock }, output) => {
      const host = await sources.findHost(source, name);
      if (host === undefined) {
        throw new MigrateError("not_found", `source "${source}" has no source host "${name}"`);
      }
      const hosts = await learnedHosts(sql, source);
      const learned = learnedOf(hosts, source, name);
      const nowMs = clock.nowMs();
      if (output.json) output.printJson({ ...host, learned: learned ?? null });
      else output.print([listText([host], hosts, nowMs), ...patienceText(learned, nowMs)].join("\n"));
    });
  });
  command(group, "remove <source> <host>", "Remove a host that has no users", [
    "migrate host remove CustomerX imap.old.example",
  ]).action(async (source: string, name: string, flags: CommonFlags) => {
    await withMigration(flags, async ({ sources }, output) => {
      await sources.removeHost(source, name);
      if (output.json) output.printJson({ source, name });
      else output.print(`Host ${name} of source ${source} is removed.`);
    });
  });
}

function hostFlags(made: Command): Command {
  return made
    .option("--connections <n>", "migrations at a time over all workers", parseCount)
    .option(
      "--command1 <file>",
      "YAML or JSON of the pre-sync command; none = the built-in engine",
      parseCommand,
    )
    .option("--command2 <file>", "YAML or JSON of the cutover command; none = the pre-sync one", parseCommand)
    .option("--status-command <file>", "YAML or JSON of the command that counts; or none", parseCommand)
    .option("--messages-per-second <n>", "over all workers; 0 = no limit", parseCount)
    .option("--bytes-per-second <size>", "over all workers, as in 20MiB; 0 = no limit", parseBytes);
}

/** A file of a command → its JSON. */
function parseCommand(file: string): string {
  if (file === "none") return "";
  try {
    const document: unknown = parse(readFileSync(file, "utf8"));
    return JSON.stringify(readCommand(document));
  } catch (error) {
    const reason = error instanceof CommandError || error instanceof Error ? error.message : String(error);
    throw new InvalidArgumentError(`${file}: ${reason.split("\n")[0] ?? ""}`);
  }
}

function changed(host: SourceHost, flags: HostFlags): SourceHost {
  return {
    ...host,
    maxConnections: flags.connections ?? host.maxConnections,
    migrationCommand1: flags.command1 ?? host.migrationCommand1,
    migrationCommand2: flags.command2 ?? host.migrationCommand2,
    statusCommand: flags.statusCommand ?? host.statusCommand,
    maxMessagesPerSecond: flags.messagesPerSecond ?? host.maxMessagesPerSecond,
    maxBytesPerSecond: flags.bytesPerSecond ?? host.maxBytesPerSecond,
  };
}

function listText(hosts: readonly SourceHost[], learned: readonly LearnedHost[], nowMs: number): string {
  return formatTable(
    ["HOST", "CONNECTIONS", "MESSAGES/S", "BYTES/S", "ENGINE", "LEARNED"],
    hosts.map((host) => [
      host.name,
      host.maxConnections,
      host.maxMessagesPerSecond === 0 ? "no limit" : String(host.maxMessagesPerSecond),
      host.maxBytesPerSecond === 0 ? "no limit" : formatBytes(host.maxBytesPerSecond),
      host.migrationCommand1 === "" ? "built-in" : `command ${commandName(host.migrationCommand1)}`,
      learnedText(learnedOf(learned, host.source, host.name), nowMs),
    ]),
  );
}

function patienceText(state: HostState | undefined, nowMs: number): string[] {
  if (state === undefined || state.backoffs === 0) return ["It never asked for less."];
  const { backoffs, backoffMs, reason, learnedMessages, pauseUntilMs } = state;
  return [
    `It asked for less ${backoffs} times, last at ${new Date(backoffMs).toISOString()}: ${reason}`,
    learnedMessages === 0 ? "It bears again what it did." : `Learned limits: ${ratesText(state)}`,
    ...(pauseUntilMs > nowMs ? [`Paused until ${new Date(pauseUntilMs).toISOString()}.`] : []),
  ];
}

function commandName(json: string): string {
  return (JSON.parse(json) as { readonly name: string }).name;
}

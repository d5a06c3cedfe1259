import { type Command, InvalidArgumentError } from "commander";
import { collect, command, commandGroup, operate, parseCount } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { ExitCode } from "../exit-codes.ts";
import { formatTable } from "../output.ts";

interface Server {
  readonly host: string;
  /** undefined = the usual one. */
  readonly port: number | undefined;
}

interface ReplicateFlags extends CommonFlags {
  readonly server?: Server;
  readonly imap?: boolean;
  readonly ssh?: string;
  readonly channel?: string;
  readonly user?: readonly string[];
  readonly mailbox?: readonly string[];
  readonly meta?: readonly string[];
  readonly all?: boolean;
  readonly force?: boolean;
  readonly full?: boolean;
  readonly check?: boolean;
  readonly verbose?: number;
}

interface Row {
  readonly step?: string;
  readonly failed?: string;
  readonly reason?: string;
  readonly mailbox?: string;
  readonly user?: string;
  readonly uid?: number;
  readonly what?: string;
}

interface Result {
  readonly users: number;
  readonly failures?: number;
  readonly differences?: number;
  readonly leftOut?: number;
}

export function addReplicateCommand(program: Command): void {
  command(
    program,
    "replicate",
    "Make users or mailboxes equal on a replica (Cyrus or Rookery), or compare them",
    [
      "replicate -s replica.example.org -u alice -v -v",
      "replicate -s replica.example.org:2005 -m user.alice.Sent user.alice.Drafts",
      "replicate -s replica.example.org:143 --imap -u alice",
      "replicate --ssh mail@replica.example.org -u alice",
      "replicate -n second -A",
      "replicate -n second -A --check",
    ],
  )
    .option("-s, --server <host[:port]>", "the replica", parseServer)
    .option(
      "--imap",
      "speak to its IMAP port, where the same protocol goes inside IMAP (replication.transport)",
    )
    .option("-n, --channel <name>", "a channel of replication.channels instead")
    .option("--ssh <host>", "log in there by SSH and speak the text dialect instead (replication.ssh)")
    .option("-u, --user <name...>", "everything of users", collect)
    .option("-m, --mailbox <name...>", "some mailboxes", collect)
    .option("--meta <user...>", "subscriptions and seen states of users", collect)
    .option("-A, --all", "every user and the shared mailboxes")
    .option(
      "--force",
      "the replica's flags, header values and other mailboxes of the name give way; where it has messages of its own it stays as it is, with an error",
    )
    .option("--full", "compare every message, also where the checksums are equal")
    .option("--check", "compare only: change nothing, list every difference")
    .option("-v, --verbose", "twice: show every step", (_, count: number) => count + 1, 0)
    .action(async (flags: ReplicateFlags) => {
      await operate(flags, {
        operation: "replicate",
        arguments: {
          channel: flags.channel,
          ssh: flags.ssh,
          host: flags.server?.host,
          port: flags.server?.port,
          imap: flags.imap,
          users: flags.user,
          mailboxes: flags.mailbox,
          metas: flags.meta,
          all: flags.all,
          force: flags.force,
          full: flags.full,
          check: flags.check,
          verbose: (flags.verbose ?? 0) >= 2,
        },
        toJson: ({ result, rows }) => ({ ...(result as object), rows }),
        live: (row) => (row as Row).step,
        text: ({ result, rows }) => {
          const counts = result as unknown as Result;
          const problems = (counts.failures ?? 0) + (counts.differences ?? 0);
          if (problems > 0) process.exitCode = ExitCode.findings;
          const lines = (rows as unknown as Row[]).filter(({ step }) => step === undefined).map(rowText);
          if (flags.check === true) lines.push(differencesText(counts.differences ?? 0));
          else if ((flags.verbose ?? 0) > 0 || problems > 0) {
            lines.push(outcomeText(counts));
          }
          if ((flags.check === true || (flags.verbose ?? 0) > 0) && counts.leftOut !== undefined) {
            lines.push(`${counts.leftOut} users left out: another node's, or not the channel's.`);
          }
          return lines.map((line) => `${line}\n`).join("");
        },
      });
    });
}

function rowText(row: Row): string {
  if (row.failed !== undefined) return `${row.failed}: ${row.reason ?? ""}`;
  const place = row.mailbox === "" ? row.user : row.mailbox;
  return `${place ?? ""}${row.uid === 0 ? "" : ` UID ${row.uid}`}: ${row.what ?? ""}`;
}

function outcomeText({ users, failures = 0 }: Result): string {
  const done = users === 1 ? "1 user" : `${users} users`;
  if (failures > 0) {
    const failed = failures === 1 ? "1 mailbox" : `${failures} mailboxes`;
    return `${users === 0 ? "" : `${done} gone through, `}${failed} could not be made equal.`;
  }
  if (users === 0) return "All that was named is equal on the replica.";
  return `${done} ${users === 1 ? "is" : "are"} equal on the replica.`;
}

function differencesText(count: number): string {
  return count === 0 ? "The replica is equal." : `${count} differences.`;
}

function parseServer(text: string): Server {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || (port ?? 0) > 65_535)
    throw new InvalidArgumentError("Expected host or host:port.");
  return { host, port };
}

export function addReplicationCommands(program: Command): void {
  const replication = commandGroup(program, "replication", "Channels to replicas, and who is master of whom");
  command(replication, "status", "Show each channel: lag, queue, last error", ["replication status"]).action(
    async (flags: CommonFlags) => {
      await operate(flags, {
        operation: "replication.status",
        arguments: {},
        toJson: ({ result, rows }) => ({ ...(result as object), channels: rows }),
        text: ({ result, rows }) =>
          statusText(result as unknown as StatusResult, rows as unknown as ChannelRow[]),
      });
    },
  );
  command(replication, "queue", "Put users into the queue of every channel, to be compared in full", [
    "replication queue --user alice",
    "replication queue --domain example.org",
    "replication queue --idle 90",
  ])
    .option("--user <name>", "one user")
    .option("--domain <domain>", "every user of a domain")
    .option("--idle <days>", "users whose mailboxes have got nothing for so many days", parseCount)
    .action(async (flags: CommonFlags & { user?: string; domain?: string; idle?: number }) => {
      await operate(flags, {
        operation: "replication.queue",
        arguments: { user: flags.user, domain: flags.domain, idleDays: flags.idle },
        text: ({ result }) => `${(result as { queued: number }).queued} put into the queue.`,
      });
    });
  command(replication, "role [user] [role]", "Show or set whether this node is master of a user", [
    "replication role alice",
    "replication role alice replica",
    "replication role --domain example.org replica",
    "replication role --domain '*' replica",
    "replication role alice default",
  ])
    .option("--domain <domain>", "a whole domain; * = everybody without a role of his own")
    .action(
      async (
        user: string | undefined,
        role: string | undefined,
        flags: CommonFlags & { domain?: string },
      ) => {
        // With --domain the only word is the role.
        const ofDomain = flags.domain !== undefined;
        await operate(flags, {
          operation: "replication.role",
          arguments: {
            user: ofDomain ? undefined : user,
            domain: flags.domain,
            role: ofDomain ? user : role,
          },
          text: ({ result }) => {
            const { who, role: now } = result as { who: string; role: string };
            return `This node is ${now} of ${who === "@" ? "everybody else" : who}.`;
          },
        });
      },
    );
}

interface ChannelRow {
  readonly name: string;
  readonly host: string;
  readonly isConnected: boolean;
  readonly isComparing: boolean;
  readonly lagChanges: number;
  readonly lagSeconds: number;
  readonly queuedUsers: number;
  readonly stuckUsers: readonly string[];
  readonly stuckSeconds: number;
  readonly lastError: string;
  readonly acknowledge: string;
}

interface StatusResult {
  readonly roles: readonly { readonly who: string; readonly role: string }[];
  readonly unfilteredUsers: readonly string[];
}

function statusText({ roles, unfilteredUsers }: StatusResult, channels: readonly ChannelRow[]): string {
  const state = (row: ChannelRow): string => {
    if (!row.isConnected) return "not connected";
    return row.isComparing ? "comparing everything" : "following";
  };
  const table = formatTable(
    [
      "CHANNEL",
      "REPLICA",
      "STATE",
      "CHANGES",
      "SECONDS",
      "QUEUE",
      "STUCK",
      "STUCK SECONDS",
      "ACKNOWLEDGE",
      "LAST ERROR",
    ],
    channels.map((row) => [
      row.name,
      row.host,
      state(row),
      row.lagChanges,
      Math.round(row.lagSeconds),
      row.queuedUsers,
      row.stuckUsers.length,
      Math.round(row.stuckSeconds),
      row.acknowledge,
      row.lastError,
    ]),
  );
  const lines = [table];
  if (roles.length > 0) {
    const rows = roles.map(({ who, role }) => [who === "@" ? "everybody else" : who, role]);
    lines.push(formatTable(["WHO", "ROLE"], rows));
  }
  if (unfilteredUsers.length > 0) {
    lines.push(
      `Scripts do not run here (sieve.enabled: no), and these users have an active one: ${unfilteredUsers.join(", ")}\n`,
    );
  }
  return lines.join("\n");
}

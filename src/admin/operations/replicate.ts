import type { HostPort } from "../../config/kinds.ts";
import { DirectoryError } from "../../directory/admin.ts";
import type { Mailbox, UserId } from "../../store/model.ts";
import { userOf } from "../../store/names.ts";
import {
  checkMailboxes,
  checkServerAnnotations,
  checkSharedQuotas,
  checkUser,
  type Difference,
} from "../../sync/client/check-user.ts";
import { isKnownUser, sharedMailboxes, usersOf } from "../../sync/client/groups.ts";
import { ReplicaLost, ReplicaRefusal } from "../../sync/client/refusal.ts";
import type { SyncRun } from "../../sync/client/run.ts";
import type { RunOptions } from "../../sync/replication/replication.ts";
import { updateMeta, updateServerAnnotations } from "../../sync/client/update-meta.ts";
import { MAX_MAILBOXES, updateShared } from "../../sync/client/update-shared.ts";
import { type FailedMailbox, updateSomeMailboxes, updateUser } from "../../sync/client/update-user.ts";
import { updateFoldersByText, updateUserByText } from "../../sync/text/client/update-by-text.ts";
import type { NodeContext } from "../context.ts";
import { AdminError } from "../failure.ts";
import { getMailbox } from "../mailbox-name.ts";
import type { Json, Operation, OperationOutput } from "../operation.ts";

const DEFAULT_PORTS = { csync: 2005, imap: 143 };

interface Targets {
  readonly users: readonly UserId[];
  readonly mailboxes: readonly Mailbox[];
  readonly metas: readonly UserId[];
  readonly all: boolean;
}

/** Makes users or mailboxes equal on a replica, or (`check`) says what differs. Rows: steps, differences, failures. */
export const replicate: Operation = {
  name: "replicate",
  async run(node, fields, output) {
    const channel = fields.findString("channel");
    const host = fields.findString("host");
    const overImap = fields.findBoolean("imap") ?? false;
    const transport = overImap ? "imap" : node.replication.transportOf(channel ?? "");
    const port = fields.findCount("port") ?? DEFAULT_PORTS[transport];
    const targets: Targets = {
      users: fields.findStrings("users") ?? [],
      mailboxes: (fields.findStrings("mailboxes") ?? []).map((name) => getMailbox(node, name)),
      metas: fields.findStrings("metas") ?? [],
      all: fields.findBoolean("all") ?? false,
    };
    const force = fields.findBoolean("force") ?? false;
    const full = fields.findBoolean("full") ?? false;
    const check = fields.findBoolean("check") ?? false;
    const verbose = fields.findBoolean("verbose") ?? false;
    const ssh = fields.findString("ssh");
    fields.end();
    if (ssh !== undefined) {
      const others =
        [host, channel].some((each) => each !== undefined) ||
        [overImap, force, full, check, targets.metas.length > 0].includes(true);
      if (others) throw new AdminError("argument_invalid", "--ssh goes with -u, -m and -A only");
      return await replicateByText(node, ssh, targets, verbose, output);
    }
    if (full && (force || check)) {
      throw new AdminError("argument_invalid", "--full goes neither with --force nor with --check");
    }
    const unknown = check ? undefined : targets.users.find((user) => !isKnownUser(node.store, user));
    if (unknown !== undefined) {
      throw new DirectoryError("user_unknown", `there is no user "${unknown}" here, and there was none`);
    }
    const address = host === undefined ? addressOf(node, channel) : { host, port };
    const rows = rowQueue(output);
    const step = (text: string): void => (verbose ? rows.add({ step: text }) : undefined);
    try {
      const options: RunOptions = { address, channel: channel ?? "", transport, force, step };
      const run = await open(node, options);
      try {
        const isSent = node.replication.sentBy(channel ?? "");
        const counts = await (check
          ? checkAll(run, targets, { isSent, rows })
          : updateAll({ ...run, full }, targets, { isSent, rows, output }));
        await rows.sent();
        return counts;
      } finally {
        await node.replication.release(run, options);
      }
    } catch (error) {
      if (error instanceof ReplicaLost) throw unreachable(address, error);
      if (error instanceof ReplicaRefusal) throw refused(error);
      throw error;
    }
  },
};

const NEXT: Partial<Record<ReplicaRefusal["code"], string>> = {
  not_authenticated:
    "See replication.authname and replication.password, or those of the channel, and that the user is an administrator there.",
  wrong_transport:
    "Give --imap or replication.transport: imap for an IMAP port, or the port of the replica's csync.",
};

function refused(error: ReplicaRefusal): AdminError {
  const next = NEXT[error.code];
  return new AdminError("replica_refused", error.message, {
    cause: error,
    ...(next === undefined ? {} : { next }),
  });
}

/** The text dialect with what an SSH login starts on the replica. */
async function replicateByText(
  node: NodeContext,
  host: string,
  targets: Targets,
  verbose: boolean,
  output: OperationOutput,
): Promise<Json> {
  const rows = rowQueue(output);
  const step = (text: string): void => (verbose ? rows.add({ step: text }) : undefined);
  let users = 0;
  let failures = 0;
  const tell = (failed: readonly FailedMailbox[]): void => {
    failures += failed.length;
    for (const { name, error } of failed) rows.add({ failed: name, reason: error.message });
  };
  try {
    const run = await node.replication.openByText(host, step);
    try {
      const isSent = node.replication.sentBy("");
      for (const user of targets.all ? usersOf(node.store) : targets.users) {
        if (targets.all && !isSent(user)) continue;
        tell(await updateUserByText(run, user));
        users += 1;
        await rows.sent();
      }
      for (const [user, group] of groups(targets.mailboxes))
        tell(await updateFoldersByText(run, user, group));
    } finally {
      await run.replica.link.close();
    }
  } catch (error) {
    if (error instanceof ReplicaLost) {
      throw new AdminError("replica_unreachable", `${host}: ${error.message}`, {
        cause: error,
        next: "See that the login works without a password, and the options replication.ssh and ssh_server.",
      });
    }
    if (error instanceof ReplicaRefusal) {
      throw new AdminError("replica_refused", error.message, { cause: error });
    }
    throw error;
  }
  await rows.sent();
  return { users, failures };
}

async function open(node: NodeContext, options: RunOptions): Promise<SyncRun> {
  try {
    return await node.replication.borrow(options);
  } catch (error) {
    // No such host, nobody listens, not the certificate that is trusted …: the world's, not ours.
    const isWorlds = error instanceof Error && "code" in error && !(error instanceof ReplicaRefusal);
    throw isWorlds ? unreachable(options.address, error) : error;
  }
}

function unreachable({ host, port }: HostPort, error: Error): AdminError {
  return new AdminError("replica_unreachable", `${host}:${port}: ${error.message}`, {
    cause: error,
    next: "See that the replica runs, that its port can be reached, and the options of replication (transport: csync or imap).",
  });
}

function addressOf(node: NodeContext, channel: string | undefined): HostPort {
  if (channel === undefined) {
    throw new AdminError("argument_invalid", "name the replica with -s HOST[:PORT] or -n CHANNEL");
  }
  const address = node.replication.addressOf(channel);
  if (address !== undefined) return address;
  throw new AdminError("argument_invalid", `there is no channel "${channel}" in replication.channels`);
}

/**
 * With `all`, users whom this node has from another are left out, who must not overwrite their master, and those whom the
 * channel does not send.
 */
async function updateAll(
  run: SyncRun,
  targets: Targets,
  {
    isSent,
    rows,
    output,
  }: {
    readonly isSent: (user: UserId) => boolean;
    readonly rows: Rows;
    readonly output: OperationOutput;
  },
): Promise<Json> {
  let done = 0;
  let leftOut = 0;
  let failures = 0;
  const tell = (failed: readonly FailedMailbox[]): void => {
    failures += failed.length;
    for (const { name, error } of failed) rows.add({ failed: name, reason: error.message });
  };
  for (const user of targets.all ? usersOf(run.store) : targets.users) {
    if (targets.all && !isSent(user)) {
      leftOut += 1;
      continue;
    }
    tell(await updateUser(run, user));
    done += 1;
    output.progress({ what: "users", done, total: targets.all ? 0 : targets.users.length });
    await rows.sent();
  }
  const mailboxes = targets.all ? [] : targets.mailboxes;
  for (const [, group] of groups(mailboxes)) tell(await updateSomeMailboxes(run, group, []));
  for (const user of targets.metas) await updateMeta(run, user);
  if (targets.all) tell(await (isSent("") ? updateShared(run, isSent) : onlyAnnotations(run, isSent)));
  return leftOut === 0 ? { users: done, failures } : { users: done, failures, leftOut };
}

/** Users' own server annotations, where the shared mailboxes are another node's. */
async function onlyAnnotations(run: SyncRun, isSent: (user: UserId) => boolean): Promise<readonly []> {
  await updateServerAnnotations(run, isSent);
  return [];
}

async function checkAll(
  run: SyncRun,
  targets: Targets,
  { isSent, rows }: { readonly isSent: (user: UserId) => boolean; readonly rows: Rows },
): Promise<Json> {
  let users = 0;
  let leftOut = 0;
  let found = 0;
  const tell = async (difference: Difference): Promise<void> => {
    found += 1;
    rows.add({ ...difference });
    await rows.sent();
  };
  for (const user of targets.all ? usersOf(run.store) : targets.users) {
    if (targets.all && !isSent(user)) {
      leftOut += 1;
      continue;
    }
    await checkUser(run, user, tell);
    users += 1;
  }
  const shared = isSent("") ? sharedMailboxes(run.store) : [];
  for (const [user, group] of groups(targets.all ? shared : targets.mailboxes)) {
    const remotes = await run.replica.getMailboxes(group.map(({ name }) => name));
    await checkMailboxes(run, user, group, remotes, tell);
  }
  if (targets.all && isSent("")) await checkSharedQuotas(run, tell);
  if (targets.all) await checkServerAnnotations(run, isSent, tell);
  return leftOut === 0 ? { users, differences: found } : { users, differences: found, leftOut };
}

/** By user, in bounded groups. */
function* groups(mailboxes: Iterable<Mailbox>): Generator<readonly [UserId, readonly Mailbox[]]> {
  let user = "";
  let group: Mailbox[] = [];
  for (const mailbox of mailboxes) {
    const owner = userOf(mailbox.name);
    if (group.length > 0 && (owner !== user || group.length >= MAX_MAILBOXES)) {
      yield [user, group];
      group = [];
    }
    user = owner;
    group.push(mailbox);
  }
  if (group.length > 0) yield [user, group];
}

interface Rows {
  add(row: Json): void;
  sent(): Promise<void>;
}

/** Steps come from code that does not wait for whoever reads them. */
function rowQueue(output: OperationOutput): Rows {
  let waiting: Promise<void> = Promise.resolve();
  return {
    add: (row) => void (waiting = waiting.then(() => output.row(row))),
    sent: () => waiting,
  };
}

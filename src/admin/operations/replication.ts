import { DirectoryError } from "../../directory/admin.ts";
import { isKnownUser, usersOf } from "../../sync/client/groups.ts";
import { idleUsers } from "../../sync/replication/channel.ts";
import type { NodeContext } from "../context.ts";
import { AdminError } from "../failure.ts";
import type { Operation } from "../operation.ts";

/** One row a channel; then who is master of whom, and whose scripts do not run here. */
export const replicationStatus: Operation = {
  name: "replication.status",
  async run(node, fields, output) {
    fields.end();
    for (const status of node.replication.status()) await output.row({ ...status });
    return {
      roles: node.replication.roles.list().map(([who, role]) => ({ who, role })),
      unfilteredUsers: node.replication.unfilteredUsers(),
    };
  },
};

const DAY_SECONDS = 86_400;

/** Puts users into the queue of every channel: one, those of a domain, or those without mail for some days. */
export const replicationQueue: Operation = {
  name: "replication.queue",
  async run(node, fields) {
    const user = fields.findString("user");
    const domain = fields.findString("domain");
    const idleDays = fields.findCount("idleDays");
    fields.end();
    if ([user, domain, idleDays].filter((value) => value !== undefined).length !== 1) {
      throw new AdminError("argument_invalid", "name one of --user, --domain and --idle");
    }
    if (node.replication.status().length === 0) {
      throw new AdminError("argument_invalid", "no channel is configured in replication.channels");
    }
    const { store, clock } = node;
    if (user !== undefined) return { queued: queueOne(node, user) };
    if (domain !== undefined) {
      const users = [...usersOf(store)].filter((name) => domainOfUser(name, node.defaultDomain) === domain);
      if (users.length === 0) throw new AdminError("argument_invalid", `nobody of "${domain}" is here`);
      return { queued: node.replication.enqueue(users) };
    }
    const beforeSeconds = clock.nowMs() / 1000 - (idleDays ?? 0) * DAY_SECONDS;
    return { queued: node.replication.enqueue(idleUsers(store, beforeSeconds)) };
  },
};

/** Somebody who was deleted here may be queued as well: he goes from the replica. */
function queueOne({ store, replication }: NodeContext, user: string): number {
  if (!isKnownUser(store, user)) {
    throw new DirectoryError("user_unknown", `there is no user "${user}" here, and there was none`);
  }
  const queued = replication.enqueue([user]);
  if (queued > 0) return queued;
  throw new AdminError(
    "argument_invalid",
    `no channel takes "${user}": another node is his master, no channel has him among its users, or their queues are full`,
  );
}

function domainOfUser(user: string, defaultDomain: string): string {
  const at = user.lastIndexOf("@");
  return at < 0 ? defaultDomain : user.slice(at + 1);
}

/** Shows or sets who is master: of a user, of a domain, of everybody else. */
export const replicationRole: Operation = {
  name: "replication.role",
  async run(node, fields) {
    const user = fields.findString("user");
    const domain = fields.findString("domain");
    const role = fields.findString("role");
    fields.end();
    const { roles } = node.replication;
    if (role !== undefined && role !== "master" && role !== "replica" && role !== "default") {
      throw new AdminError("argument_invalid", `"${role}" is none of master, replica and default`);
    }
    if (user === undefined && domain === undefined) {
      throw new AdminError("argument_invalid", "name a user, or a domain with --domain");
    }
    const who = user ?? (domain === node.defaultDomain || domain === "*" ? "@" : `@${domain ?? ""}`);
    if (role !== undefined) roles.set(who, role === "default" ? undefined : role);
    return { who, role: roles.roleOf(who) };
  },
};

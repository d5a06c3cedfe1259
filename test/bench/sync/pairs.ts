/** A master and an empty replica of one kind, with users to be copied: what the benchmark of replication drives. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callNode } from "../../../src/admin/client.ts";
import { adminSocketPath } from "../../../src/admin/socket.ts";
import { startCyrus, type CyrusPeer } from "../../support/peers/cyrus.ts";
import { runCli } from "../../support/run-cli.ts";
import { startServe, type RunningNode } from "../../support/running-node.ts";

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface SyncBenchPair {
  readonly name: string;
  readonly master: { readonly imap: Endpoint; readonly lmtp: Endpoint; readonly csync: Endpoint };
  readonly replica: Endpoint;
  /** At both ends, with his own name as password. */
  addUser(user: string): Promise<void>;
  /** Lets a user whose mailboxes have come log in at the replica. */
  welcome(user: string): Promise<void>;
  /** Makes the user equal on the replica; milliseconds. */
  sync(user: string): Promise<number>;
  /** Follows every change from now on. */
  startRolling(): Promise<void>;
  stop(): Promise<void>;
}

export interface RookeryPair extends SyncBenchPair {
  /** Gives another master the user and his mail: many APPENDs to Cyrus would take most of the time. */
  copy(user: string, to: Endpoint): Promise<void>;
}

export async function startRookeryPair(): Promise<RookeryPair> {
  const folder = mkdtempSync(join(tmpdir(), "rk-b"));
  const start = async (name: string, more: readonly string[]): Promise<RunningNode> => {
    const data = join(folder, name);
    const settings = ["listen.imap=127.0.0.1:0", "listen.lmtp=127.0.0.1:0", "listen.csync=127.0.0.1:0"];
    const own = ["directory.allowplaintext=true", "directory.defaultdomain=cyrus.test", "log.level=warn"];
    const node = await startServe(data, [...settings, ...own, "delivery.autocreate_folders=", ...more]);
    return node;
  };
  const replica = await start("replica", []);
  await cli(join(folder, "replica"), "user", "add", "cyrus", "--admin", "--password", "cyrus");
  const { port } = replica.endpoint("csync");
  const login = ["replication.authname=cyrus", "replication.password=cyrus"];
  let master = await start("master", login);
  const data = join(folder, "master");
  const endpoints = (): SyncBenchPair["master"] => ({
    imap: master.endpoint("imap"),
    lmtp: master.endpoint("lmtp"),
    csync: master.endpoint("csync"),
  });
  const replicate = async (user: string, to: Endpoint): Promise<void> => {
    await callNode(adminSocketPath(data), {
      operation: "replicate",
      arguments: { host: to.host, port: to.port, users: [user] },
      onRow: (row) => console.error(row),
      onProgress() {},
    });
  };
  const pair = {
    name: "rookery",
    master: endpoints(),
    replica: replica.endpoint("imap"),
    async addUser(user: string) {
      await cli(data, "user", "add", user, "--password", user);
    },
    welcome: (user: string) => cli(join(folder, "replica"), "user", "add", user, "--password", user),
    async sync(user: string) {
      const startedMs = performance.now();
      await replicate(user, { host: "127.0.0.1", port });
      return performance.now() - startedMs;
    },
    copy: replicate,
    async startRolling() {
      await master.stop();
      master = await start("master", [...login, `replication.channels=second=127.0.0.1:${port}`]);
      pair.master = endpoints();
    },
    async stop() {
      await master.stop();
      await replica.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return pair;
}

export async function startCyrusPair(users: readonly string[]): Promise<SyncBenchPair> {
  const folder = mkdtempSync(join(tmpdir(), "rk-b"));
  // Its processes run as a user of their own.
  chmodSync(folder, 0o755);
  const start = (name: string, settings: Readonly<Record<string, string>>): Promise<CyrusPeer> => {
    mkdirSync(join(folder, name));
    const logins = Object.fromEntries(["cyrus", ...users].map((user) => [user, user]));
    return startCyrus({
      folder: join(folder, name),
      users: logins,
      settings: { virtdomains: "off", sync_log: "yes", ...settings },
    });
  };
  const replica = await start("replica", { sync_log: "no" });
  const master = await start("master", {
    sync_host: "127.0.0.1",
    sync_port: String(replica.ports["csync"] ?? 0),
    sync_authname: "cyrus",
    sync_password: "cyrus",
    sync_try_imap: "no",
    sync_compress: "no",
    sync_repeat_interval: "0",
  });
  let rolling: Promise<unknown> = Promise.resolve();
  const at = (peer: CyrusPeer, service: string): Endpoint => ({
    host: peer.host,
    port: peer.ports[service] ?? 0,
  });
  return {
    name: "cyrus",
    master: { imap: at(master, "imap"), lmtp: at(master, "lmtp"), csync: at(master, "csync") },
    replica: at(replica, "imap"),
    addUser: (user) => master.create(`user/${user}`),
    welcome: () => Promise.resolve(),
    async sync(user) {
      const startedMs = performance.now();
      await master.tool("sync_client", "-u", user);
      return performance.now() - startedMs;
    },
    async startRolling() {
      // What has been logged so far first; then until a server stops.
      await master.tool("sync_client", "-R", "-1").catch(() => undefined);
      rolling = master.tool("sync_client", "-R").catch(() => undefined);
    },
    async stop() {
      await replica.stop();
      await rolling;
      await master.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function cli(data: string, ...words: string[]): Promise<void> {
  const done = await runCli([...words, "--data", data]);
  if (done.exitCode !== 0) throw new Error(`${words.join(" ")}: ${done.stderr}`);
}

/** Rookery nodes that replicate to each other, each in a process of its own. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { freePorts } from "./peers/free-ports.ts";
import { runCli, type CliResult } from "./run-cli.ts";
import { startServe, type RunningNode } from "./running-node.ts";
import { crcsOf, type CrcServer } from "./sync-compare.ts";

export interface SyncNode {
  readonly data: string;
  node: RunningNode;
  readonly start: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly cli: (...words: string[]) => Promise<CliResult>;
  readonly crcs: CrcServer;
}

/** An IMAP and a csync port, and an administrator `root`. */
export async function startSyncNode(t: TestContext, settings: readonly string[]): Promise<SyncNode> {
  const data = join(mkdtempSync(join(tmpdir(), "rk-r")), "data");
  const [imap = 0, csync = 0] = await freePorts(2);
  const all = [
    `listen.imap=127.0.0.1:${imap}`,
    `listen.csync=127.0.0.1:${csync}`,
    "directory.allowplaintext=true",
    "directory.defaultdomain=example.test",
    ...settings,
  ];
  const server: SyncNode = {
    data,
    node: await startServe(data, all),
    async start() {
      server.node = await startServe(data, all);
    },
    async kill() {
      const ended = once(server.node.child, "exit");
      server.node.child.kill("SIGKILL");
      await ended;
    },
    async cli(...words) {
      const done = await runCli([...words, "--data", data]);
      assert.equal(done.exitCode, 0, `${words.join(" ")}: ${done.stdout}${done.stderr}`);
      return done;
    },
    crcs: { endpoint: { host: "127.0.0.1", port: imap }, admin: ["root", "root-secret"] },
  };
  t.after(async () => {
    await server.node.stop();
    rmSync(join(data, ".."), { recursive: true, force: true });
  });
  await server.cli("user", "add", "root", "--admin", "--password", "root-secret");
  return server;
}

/** The master follows with a channel `second`; carol is its user. */
export async function startNodePair(
  t: TestContext,
  {
    masterSettings = [],
    replicaSettings = [],
  }: { masterSettings?: readonly string[]; replicaSettings?: readonly string[] } = {},
): Promise<{ master: SyncNode; replica: SyncNode }> {
  const replica = await startSyncNode(t, replicaSettings);
  const master = await startSyncNode(t, [
    `replication.channels=second=127.0.0.1:${replica.node.endpoint("csync").port}`,
    "replication.authname=root",
    "replication.password=root-secret",
    "replication.max_retry_delay=1s",
    ...masterSettings,
  ]);
  await master.cli("user", "add", "carol", "--password", "secret");
  return { master, replica };
}

interface Status {
  readonly channels: readonly {
    lagChanges: number;
    stuckUsers: readonly string[];
    isConnected: boolean;
    lastError: string;
  }[];
}

/** Every channel is connected and has sent everything. */
export async function caughtUp({ cli }: SyncNode): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const { channels } = JSON.parse((await cli("replication", "status", "--json")).stdout) as Status;
    const isEqual = channels.every(
      ({ isConnected, lagChanges, stuckUsers }) => isConnected && lagChanges === 0 && stuckUsers.length === 0,
    );
    if (isEqual) return;
  }
  assert.fail((await cli("replication", "status")).stdout);
}

/** By CRCs and by a comparison of every record. */
export async function assertEqual(master: SyncNode, replica: SyncNode): Promise<void> {
  await caughtUp(master);
  const here = await crcsOf(master.crcs, "carol");
  assert.ok(here.size > 0);
  assert.deepEqual(Object.fromEntries(await crcsOf(replica.crcs, "carol")), Object.fromEntries(here));
  const checked = await master.cli("replicate", "-n", "second", "-A", "--check");
  assert.equal(checked.stdout, "The replica is equal.\n");
  // Nobody has changed the replica, so no message may have lost its UID.
  assert.deepEqual(
    master.node.log.filter((line) => /"renumbered":[1-9]/.test(line)),
    [],
  );
}

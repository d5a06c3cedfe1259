// Two Rookery nodes: a channel follows every change, either end is killed under load, roles decide who writes.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { freePorts } from "../support/peers/free-ports.ts";
import { logIn } from "../support/imap-peer.ts";
import { runCli, type CliResult } from "../support/run-cli.ts";
import { startServe, type RunningNode } from "../support/running-node.ts";
import { crcsOf, type CrcServer } from "../support/sync-compare.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const KILLS = LONG ? 50 : 4;

interface Server {
  readonly data: string;
  node: RunningNode;
  readonly start: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly cli: (...words: string[]) => Promise<CliResult>;
  readonly crcs: CrcServer;
}

async function startServer(t: TestContext, settings: readonly string[]): Promise<Server> {
  const data = join(mkdtempSync(join(tmpdir(), "rk-r")), "data");
  const [imap = 0, csync = 0] = await freePorts(2);
  const all = [
    `listen.imap=127.0.0.1:${imap}`,
    `listen.csync=127.0.0.1:${csync}`,
    "directory.allowplaintext=true",
    "directory.defaultdomain=example.test",
    ...settings,
  ];
  const server: Server = {
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
      assert.equal(done.exitCode, 0, `${words.join(" ")}: ${done.stderr}`);
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

async function startPair(t: TestContext): Promise<{ master: Server; replica: Server }> {
  const replica = await startServer(t, []);
  const master = await startServer(t, [
    `replication.channels=second=127.0.0.1:${replica.node.endpoint("csync").port}`,
    "replication.authname=root",
    "replication.password=root-secret",
    "replication.max_retry_delay=1s",
  ]);
  await master.cli("user", "add", "carol", "--password", "secret");
  return { master, replica };
}

interface Status {
  readonly channels: readonly { lagChanges: number; isConnected: boolean; lastError: string }[];
}

async function caughtUp({ cli }: Server): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const { channels } = JSON.parse((await cli("replication", "status", "--json")).stdout) as Status;
    if (channels.every((channel) => channel.isConnected && channel.lagChanges === 0)) return;
  }
  assert.fail((await cli("replication", "status")).stdout);
}

async function assertEqual(master: Server, replica: Server): Promise<void> {
  await caughtUp(master);
  const here = await crcsOf(master.crcs, "carol");
  assert.ok(here.size > 0);
  assert.deepEqual(Object.fromEntries(await crcsOf(replica.crcs, "carol")), Object.fromEntries(here));
  const checked = await master.cli("replicate", "-n", "second", "-A", "--check");
  assert.equal(checked.stdout, "The replica is equal.\n");
}

/** Appends and changes flags until told to stop; connections may break. */
function load(master: Server, accepted: string[]): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const work = (async () => {
    for (let count = 0; !stopping.signal.aborted;) {
      try {
        const peer = await logIn(master.crcs.endpoint, "carol", "secret");
        await peer.ok("SELECT INBOX");
        for (; !stopping.signal.aborted; count++) {
          const subject = `message ${count}`;
          await peer.append("INBOX", "", Buffer.from(`Subject: ${subject}\r\n\r\nbody\r\n`));
          accepted.push(subject);
          if (count % 3 === 0) await peer.ok(`STORE * +FLAGS (\\Flagged kw${count % 5})`);
        }
        await peer.close();
      } catch {
        // The node was killed: tried again until it is back.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await work;
    },
  };
}

test(
  "either end killed under load: equal afterwards, nothing accepted is lost",
  { timeout: 600_000 },
  async (t) => {
    const { master, replica } = await startPair(t);
    await assertEqual(master, replica);
    const accepted: string[] = [];
    for (let round = 0; round < KILLS; round++) {
      const before = accepted.length;
      const running = load(master, accepted);
      while (accepted.length < before + 20) await new Promise((resolve) => setImmediate(resolve));
      const victim = round % 2 === 0 ? replica : master;
      await victim.kill();
      await victim.start();
      await running.stop();
      await assertEqual(master, replica);
    }
    const dumped = await replica.cli("dump", "user.carol", "--json");
    const { messages } = JSON.parse(dumped.stdout) as { messages: readonly unknown[] };
    // What was on disk when its answer was cut off may be there, too.
    assert.ok(messages.length >= accepted.length, `${messages.length} of ${accepted.length}`);
  },
);

test("roles: nobody but its master writes for a user of the replica", { timeout: 240_000 }, async (t) => {
  const { master, replica } = await startPair(t);
  await assertEqual(master, replica);
  const asked = await replica.cli("replication", "role", "carol", "replica");
  assert.match(asked.stdout, /replica of carol/);
  await master.cli("mailbox", "create", "user.carol.New");
  await assertEqual(master, replica);
  const refused = await runCli(["mailbox", "create", "user.carol.Other", "--data", replica.data]);
  assert.notEqual(refused.exitCode, 0);
  assert.match(refused.stderr, /replica of carol/);
});

test(
  "TLS with a pinned authority: the right one is taken, another refused",
  { timeout: 240_000 },
  async (t) => {
    const replica = await startServer(t, []);
    const other = await startServer(t, []);
    const authority = ({ data }: Server): string => join(data, "tls", "certificate.pem");
    const settings = (server: Server): string[] => [
      `replication.channels=second=127.0.0.1:${replica.node.endpoint("csync").port}`,
      "replication.authname=root",
      "replication.password=root-secret",
      "replication.tls=required",
      "replication.server_name=localhost",
      "replication.max_retry_delay=1s",
      `replication.ca=${authority(server)}`,
    ];
    const good = await startServer(t, settings(replica));
    await caughtUp(good);
    const bad = await startServer(t, settings(other));
    const refused = await runCli(["replicate", "-n", "second", "-A", "--data", bad.data]);
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.stderr, /certificate/);
  },
);

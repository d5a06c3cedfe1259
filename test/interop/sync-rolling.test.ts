// Two Rookery nodes: a channel follows every change, either end is killed under load, roles decide who writes.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { logIn } from "../support/imap-peer.ts";
import { runCli } from "../support/run-cli.ts";
import { assertEqual, caughtUp, startNodePair, startSyncNode, type SyncNode } from "../support/sync-nodes.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const KILLS = Number(process.env["KILLS"] ?? (LONG ? 50 : 4));
/** One kill with the comparison behind it; on a busy machine twelve seconds were seen. */
const KILL_TIMEOUT_MS = 90_000;

/** Appends and changes flags until told to stop; connections may break. */
function load(master: SyncNode, accepted: string[]): { stop(): Promise<void> } {
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
  { timeout: 240_000 + KILLS * KILL_TIMEOUT_MS },
  async (t) => {
    const { master, replica } = await startNodePair(t);
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
  const { master, replica } = await startNodePair(t);
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
    const replica = await startSyncNode(t, []);
    const other = await startSyncNode(t, []);
    const authority = ({ data }: SyncNode): string => join(data, "tls", "certificate.pem");
    const settings = (server: SyncNode): string[] => [
      `replication.channels=second=127.0.0.1:${replica.node.endpoint("csync").port}`,
      "replication.authname=root",
      "replication.password=root-secret",
      "replication.tls=required",
      "replication.server_name=localhost",
      "replication.max_retry_delay=1s",
      `replication.ca=${authority(server)}`,
    ];
    const good = await startSyncNode(t, settings(replica));
    await caughtUp(good);
    const bad = await startSyncNode(t, settings(other));
    const refused = await runCli(["replicate", "-n", "second", "-A", "--data", bad.data]);
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.stderr, /certificate/);
  },
);

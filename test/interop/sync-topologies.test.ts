// More than a master and a replica: both ends live with half the users each, chains of Rookery, Rookery between two Cyruses.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SimRandom } from "../sim/sim-random.ts";
import { logIn } from "../support/imap-peer.ts";
import { startCyrus } from "../support/peers/cyrus.ts";
import { freePorts } from "../support/peers/free-ports.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { assertEqualCrcs, type CrcServer } from "../support/sync-compare.ts";
import { caughtUp, startSyncNode, type SyncNode } from "../support/sync-nodes.ts";
import { EVERY_KIND, fillUser, RandomChanges, type WorkloadUser } from "../support/sync-workload.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const MESSAGES = LONG ? 300 : 20;
const CHANGES = LONG ? 200 : 30;

const LOGIN = [
  "replication.authname=root",
  "replication.password=root-secret",
  "replication.max_retry_delay=1s",
  "delivery.autocreate_folders=",
];

function channelTo(port: number): string {
  return `replication.channels=next=127.0.0.1:${port}`;
}

async function userAt(
  { crcs: { endpoint, admin } }: { readonly crcs: CrcServer },
  [name, other]: readonly [string, string],
): Promise<WorkloadUser> {
  const [peer, peerOfOther, administrator] = await Promise.all([
    logIn(endpoint, name, name),
    logIn(endpoint, other, other),
    logIn(endpoint, ...admin),
  ]);
  return { name, peer, admin: administrator, other: { name: other, peer: peerOfOther } };
}

async function close({ peer, admin, other }: WorkloadUser): Promise<void> {
  await Promise.all([peer.close(), admin.close(), other.peer.close()]);
}

async function position({ cli }: SyncNode): Promise<number> {
  const { stdout } = await cli("replication", "status", "--json");
  const { channels } = JSON.parse(stdout) as { channels: readonly { position: number }[] };
  return channels[0]?.position ?? -1;
}

test(
  "both ends live: each is master of half the users, none hears his own echo",
  { timeout: 300_000 },
  async (t) => {
    const [first = 0, second = 0] = await freePorts(2);
    const one = await startSyncNode(t, [`listen.csync=127.0.0.1:${first}`, channelTo(second), ...LOGIN]);
    const two = await startSyncNode(t, [`listen.csync=127.0.0.1:${second}`, channelTo(first), ...LOGIN]);
    // Who is master of whom is settled before there is anything to send.
    await one.cli("replication", "role", "dave", "replica");
    await two.cli("replication", "role", "--domain", "*", "replica");
    await two.cli("replication", "role", "dave", "master");
    await one.cli("user", "add", "carol", "--password", "carol");
    await two.cli("user", "add", "dave", "--password", "dave");
    await caughtUp(one);
    await caughtUp(two);
    // Logins of the other half, for the day when this end is all there is.
    await one.cli("user", "add", "dave", "--password", "dave");
    await two.cli("user", "add", "carol", "--password", "carol");
    const users = [await userAt(one, ["carol", "dave"]), await userAt(two, ["dave", "carol"])];
    await Promise.all(
      users.map(async (user, index) => {
        const random = new SimRandom(index + 1);
        await fillUser(user, random, MESSAGES);
        await new RandomChanges(user, random).run(CHANGES);
      }),
    );
    await caughtUp(one);
    await caughtUp(two);
    const before = [await position(one), await position(two)];
    await assertEqualCrcs(one.crcs, two.crcs, "carol");
    await assertEqualCrcs(two.crcs, one.crcs, "dave");
    await caughtUp(one);
    await caughtUp(two);
    assert.deepEqual([await position(one), await position(two)], before, "a change went round");
    await Promise.all(users.map(close));

    // One is lost: everybody uses the other.
    await one.kill();
    await two.cli("replication", "role", "carol", "master");
    const carol = await logIn(two.crcs.endpoint, "carol", "carol");
    await carol.append("INBOX", "", Buffer.from("Subject: meanwhile\r\n\r\nx\r\n"));
    await carol.close();
    await one.start();
    await one.cli("replication", "role", "carol", "replica");
    await caughtUp(two);
    await assertEqualCrcs(two.crcs, one.crcs, "carol");
  },
);

test(
  "a chain of three: the last has what the first has, and nothing comes back",
  { timeout: 300_000 },
  async (t) => {
    const third = await startSyncNode(t, ["delivery.autocreate_folders="]);
    const second = await startSyncNode(t, [
      channelTo(third.node.endpoint("csync").port),
      "replication.chain=yes",
      ...LOGIN,
    ]);
    const first = await startSyncNode(t, [channelTo(second.node.endpoint("csync").port), ...LOGIN]);
    for (const node of [second, third]) await node.cli("replication", "role", "--domain", "*", "replica");
    for (const name of ["carol", "dave"]) await first.cli("user", "add", name, "--password", name);
    const user = await userAt(first, ["carol", "dave"]);
    const random = new SimRandom(3);
    await fillUser(user, random, MESSAGES);
    const compare = async (): Promise<void> => {
      await caughtUp(first);
      await caughtUp(second);
      await assertEqualCrcs(first.crcs, second.crcs, "carol");
      await assertEqualCrcs(first.crcs, third.crcs, "carol");
    };
    await compare();
    for (const commands of EVERY_KIND) for (const command of commands) await user.peer.ok(command);
    await compare();
    // The one in the middle is killed at work.
    const changes = new RandomChanges(user, random).run(CHANGES);
    await second.kill();
    await second.start();
    await changes;
    await compare();
    assert.equal(
      (await first.cli("replicate", "-n", "next", "-A", "--check")).stdout,
      "The replica is equal.\n",
    );
    assert.equal(
      (await second.cli("replicate", "-n", "next", "-A", "--check")).stdout,
      "The replica is equal.\n",
    );
    await close(user);
  },
);

test(
  "Cyrus to Rookery to Cyrus: all three are equal after every kind of change",
  { timeout: 300_000 },
  async (t) => {
    if (!(await peerOrSkip(t, "cyrus"))) return;
    const cyrusIn = async (settings: Readonly<Record<string, string>>): ReturnType<typeof startCyrus> => {
      const folder = mkdtempSync(join(tmpdir(), "rk-c"));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      const users = { cyrus: "cyrus", u1: "u1", u2: "u2" };
      const peer = await startCyrus({ folder, users, settings: { virtdomains: "off", ...settings } });
      t.after(() => peer.stop());
      return peer;
    };
    const last = await cyrusIn({});
    const middle = await startSyncNode(t, [
      channelTo(last.ports["csync"] ?? 0),
      "replication.chain=yes",
      "replication.authname=cyrus",
      "replication.password=cyrus",
      "replication.max_retry_delay=1s",
    ]);
    await middle.cli("replication", "role", "--domain", "*", "replica");
    const first = await cyrusIn({
      sync_host: "127.0.0.1",
      sync_port: String(middle.node.endpoint("csync").port),
      sync_authname: "root",
      sync_password: "root-secret",
      sync_try_imap: "no",
      sync_log: "yes",
    });
    await first.create("user/u1", "user/u2");
    const crcsOf = (peer: typeof first): CrcServer => ({
      endpoint: { host: "127.0.0.1", port: peer.ports["imap"] ?? 0 },
      admin: ["cyrus", "cyrus"],
    });
    const user = await userAt({ crcs: crcsOf(first) }, ["u1", "u2"]);
    const random = new SimRandom(4);
    await fillUser(user, random, MESSAGES);
    const compare = async (): Promise<void> => {
      const output = await first.tool("sync_client", "-v", "-A");
      assert.doesNotMatch(output, /Error|error:|NO |BAD /, output);
      await caughtUp(middle);
      await assertEqualCrcs(crcsOf(first), middle.crcs, "u1");
      await assertEqualCrcs(crcsOf(first), crcsOf(last), "u1");
    };
    await compare();
    for (const commands of EVERY_KIND) {
      for (const command of commands) await user.peer.ok(command);
      await compare();
    }
    const changes = new RandomChanges(user, random);
    for (let done = 0; done < CHANGES; done += 10) {
      await changes.run(10);
      await compare();
    }
    await close(user);
  },
);

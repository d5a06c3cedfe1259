// A user with everything that replication carries, each kind of change, then changes at random: from a real Cyrus 3.6.1 to
// Rookery over both transports, and from Rookery to Cyrus. After each round Cyrus's own CRCs equal Rookery's.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { SimRandom } from "../sim/sim-random.ts";
import { logIn } from "../support/imap-peer.ts";
import { ManagesieveTalk } from "../support/managesieve-talk.ts";
import { freePorts } from "../support/peers/free-ports.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { assertEqualCrcs, type CrcServer } from "../support/sync-compare.ts";
import { cyrusServer, masterOf, rookeryServer, startSyncCyrus } from "../support/sync-cyrus.ts";
import { caughtUp, startSyncNode } from "../support/sync-nodes.ts";
import { readAll, type ReadServer } from "../support/sync-read.ts";
import { EVERY_KIND, fillUser, RandomChanges, type WorkloadUser } from "../support/sync-workload.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const MESSAGES = LONG ? 2000 : 60;
const CHANGES = LONG ? 500 : 45;
const CHANGES_A_ROUND = LONG ? 20 : 15;
const SEED = Number(process.env["SEED"] ?? 36);
const TIMEOUT_MS = LONG ? 1_800_000 : 240_000;

interface Ends {
  readonly user: WorkloadUser;
  readonly master: CrcServer & ReadServer;
  readonly replica: CrcServer & ReadServer;
  /** Each way to replicate everything that has changed; taken in turn. */
  readonly ways: readonly (() => Promise<void>)[];
}

async function run(t: TestContext, ends: Ends): Promise<void> {
  const { user, master, replica, ways } = ends;
  let round = 0;
  const sync = async (what: string): Promise<void> => {
    const way = round++ % ways.length;
    await ways[way]?.();
    try {
      await assertEqualCrcs(master, replica, user.name);
    } catch (error) {
      throw new Error(`seed ${SEED}, way ${way}, after ${what}`, { cause: error });
    }
  };
  const random = new SimRandom(SEED);
  await fillUser(user, random, MESSAGES);
  await sync("filling");
  for (const commands of EVERY_KIND) {
    for (const command of commands) await user.peer.ok(command);
    await sync(commands.join(", "));
  }
  const changes = new RandomChanges(user, random);
  for (let done = 0; done < CHANGES; done += CHANGES_A_ROUND) {
    await changes.run(CHANGES_A_ROUND);
    await sync(`${done + CHANGES_A_ROUND} random changes`);
  }
  assert.deepEqual(await readAll(replica), await readAll(master));
  t.diagnostic(`seed ${SEED}: ${MESSAGES} messages, ${CHANGES} changes, ${round} rounds`);
}

async function workloadUser(
  t: TestContext,
  endpoint: { host: string; port: number },
  admin: readonly [string, string],
  logins: Readonly<Record<"u1" | "u2", string>>,
): Promise<WorkloadUser> {
  const peers = await Promise.all([
    logIn(endpoint, "u1", logins.u1),
    logIn(endpoint, "u2", logins.u2),
    logIn(endpoint, ...admin),
  ]);
  t.after(() => Promise.all(peers.map((peer) => peer.close().catch(() => undefined))));
  const [peer, other, administrator] = peers;
  return { name: "u1", peer, admin: administrator, other: { name: "u2", peer: other } };
}

for (const transport of ["csync", "imap"] as const) {
  test(
    `Cyrus to Rookery over ${transport}: a whole user, every kind of change, changes at random`,
    { timeout: TIMEOUT_MS },
    async (t) => {
      if (!(await peerOrSkip(t, "cyrus"))) return;
      const node = await startSyncNode(t, []);
      await node.cli("replication", "role", "--domain", "*", "replica");
      const cyrus = await startSyncCyrus(t, masterOf(node, transport));
      await cyrus.create("user/u1", "user/u2");
      const master = cyrusServer(cyrus);
      const user = await workloadUser(t, master.endpoint, master.admin, { u1: "u1", u2: "u2" });
      const sieve = { host: "127.0.0.1", port: cyrus.ports["sieve"] ?? 0 };
      const scripts = new ManagesieveTalk(await systemNetwork.connect(sieve));
      assert.match(await scripts.say(""), /^OK/);
      assert.match(await scripts.authenticate("u1", "u1"), /^OK/);
      assert.match(await scripts.putScript("main", "keep;"), /^OK/);
      assert.match(await scripts.say('SETACTIVE "main"'), /^OK/);
      const client = async (...words: string[]): Promise<void> => {
        const output = await cyrus.tool("sync_client", "-v", ...words);
        assert.doesNotMatch(output, /Error|error:|NO |BAD /, output);
      };
      const ways = [
        () => client("-A"),
        () => client("-u", "u1"),
        // The rolling client over what was logged meanwhile.
        () => client("-R", "-1"),
      ];
      await client("-A");
      await node.cli("user", "add", "u1", "--password", "u1");
      await run(t, { user, master, replica: rookeryServer(node), ways });
    },
  );
}

test(
  "Rookery to Cyrus: a whole user, every kind of change, changes at random",
  { timeout: TIMEOUT_MS },
  async (t) => {
    if (!(await peerOrSkip(t, "cyrus"))) return;
    const cyrus = await startSyncCyrus(t, {});
    const [managesieve = 0] = await freePorts(1);
    const server = `127.0.0.1:${cyrus.ports["csync"] ?? 0}`;
    const overImap = ["-s", `127.0.0.1:${cyrus.ports["imap"] ?? 0}`, "--imap"];
    const node = await startSyncNode(t, [
      `listen.managesieve=127.0.0.1:${managesieve}`,
      `replication.channels=second=${server}`,
      "replication.authname=cyrus",
      "replication.password=cyrus",
      "delivery.autocreate_folders=",
      "replication.max_retry_delay=1s",
    ]);
    for (const name of ["u1", "u2"]) await node.cli("user", "add", name, "--password", name);
    const master = rookeryServer(node);
    const user = await workloadUser(t, master.endpoint, master.admin, { u1: "u1", u2: "u2" });
    const scripts = await ManagesieveTalk.login({ host: "127.0.0.1", port: managesieve }, "u1", "u1");
    assert.match(await scripts.putScript("main", "keep;"), /^OK/);
    assert.match(await scripts.say('SETACTIVE "main"'), /^OK/);
    // The channel follows all the time; at times a single run comes on top of it, inside IMAP as well.
    const ways = [
      () => caughtUp(node),
      async () => {
        await caughtUp(node);
        await node.cli("replicate", "-s", server, "-u", "u1");
      },
      async () => {
        await caughtUp(node);
        await node.cli("replicate", ...overImap, "-A");
      },
    ];
    await run(t, { user, master, replica: cyrusServer(cyrus), ways });
    assert.equal(
      (await node.cli("replicate", ...overImap, "-A", "--check")).stdout,
      "The replica is equal.\n",
    );
  },
);

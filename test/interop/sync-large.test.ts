// One folder with many messages between a real Cyrus 3.6.1 and Rookery: the first copy, a change of every message, and half
// of them expunged. In full every one of these is more than either end holds in memory at a time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { logIn, type ImapPeer } from "../support/imap-peer.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { assertEqualCrcs, type CrcServer } from "../support/sync-compare.ts";
import { cyrusServer, masterOf, rookeryServer, startSyncCyrus } from "../support/sync-cyrus.ts";
import { startSyncNode } from "../support/sync-nodes.ts";
import { readAll, type ReadServer } from "../support/sync-read.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const MESSAGES = LONG ? 20_000 : 1_600;
/** APPENDs under way at one time. */
const WINDOW = 100;
const TIMEOUT_MS = LONG ? 1_200_000 : 240_000;

interface Ends {
  readonly master: CrcServer & ReadServer;
  readonly replica: CrcServer & ReadServer;
  readonly sync: () => Promise<void>;
}

async function fill(peer: ImapPeer): Promise<void> {
  await peer.ok("CREATE Big");
  for (let at = 0; at < MESSAGES; at += WINDOW) {
    const numbers = Array.from({ length: Math.min(WINDOW, MESSAGES - at) }, (_, index) => at + index);
    await Promise.all(
      numbers.map((number) => peer.append("Big", "", Buffer.from(`Subject: ${number}\r\n\r\nx\r\n`))),
    );
  }
}

async function run({ master, replica, sync }: Ends): Promise<void> {
  const peer = await logIn(master.endpoint, ...master.login);
  await fill(peer);
  const compare = async (): Promise<void> => {
    await sync();
    await assertEqualCrcs(master, replica, "u1");
  };
  await compare();
  await peer.ok("SELECT Big");
  await peer.ok("STORE 1:* +FLAGS.SILENT (\\Flagged $Label1)");
  await compare();
  await peer.ok(`STORE 1:${MESSAGES / 2} +FLAGS.SILENT (\\Deleted)`);
  await peer.ok("EXPUNGE");
  await peer.ok("STORE 1:* -FLAGS.SILENT ($Label1)");
  await compare();
  await peer.close();
  const copied = await readAll(replica);
  assert.equal(copied.get("Big")?.filter((line) => line.includes("\\Flagged")).length, MESSAGES / 2);
  assert.deepEqual(copied, await readAll(master));
}

for (const transport of LONG ? (["csync", "imap"] as const) : (["csync"] as const)) {
  test(`Cyrus to Rookery over ${transport}: a folder of ${MESSAGES}`, { timeout: TIMEOUT_MS }, async (t) => {
    if (!(await peerOrSkip(t, "cyrus"))) return;
    const node = await startSyncNode(t, []);
    await node.cli("replication", "role", "--domain", "*", "replica");
    const cyrus = await startSyncCyrus(t, masterOf(node, transport));
    await cyrus.create("user/u1");
    await node.cli("user", "add", "u1", "--password", "u1");
    const sync = async (): Promise<void> => {
      const output = await cyrus.tool("sync_client", "-v", "-u", "u1");
      assert.doesNotMatch(output, /Error|error:|NO |BAD /, output);
    };
    await run({ master: cyrusServer(cyrus), replica: rookeryServer(node), sync });
  });

  test(`Rookery to Cyrus over ${transport}: a folder of ${MESSAGES}`, { timeout: TIMEOUT_MS }, async (t) => {
    if (!(await peerOrSkip(t, "cyrus"))) return;
    const cyrus = await startSyncCyrus(t, {});
    const node = await startSyncNode(t, [
      "replication.authname=cyrus",
      "replication.password=cyrus",
      "delivery.autocreate_folders=",
    ]);
    await node.cli("user", "add", "u1", "--password", "u1");
    const server = ["-s", `127.0.0.1:${cyrus.ports[transport] ?? 0}`];
    if (transport === "imap") server.push("--imap");
    const sync = async (): Promise<void> => {
      await node.cli("replicate", ...server, "-u", "u1");
      const checked = await node.cli("replicate", ...server, "-u", "u1", "--check");
      assert.equal(checked.stdout, "The replica is equal.\n");
    };
    await run({ master: rookeryServer(node), replica: cyrusServer(cyrus), sync });
  });
}

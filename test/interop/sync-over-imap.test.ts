// A channel and single runs whose replica is reached on its IMAP port alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { logIn } from "../support/imap-peer.ts";
import { assertEqual, startSyncNode } from "../support/sync-nodes.ts";

test("a channel inside IMAP follows, also when the replica was away", { timeout: 120_000 }, async (t) => {
  const replica = await startSyncNode(t, []);
  const { port } = replica.node.endpoint("imap");
  const master = await startSyncNode(t, [
    `replication.channels=second=127.0.0.1:${port};transport=imap;tls=required;ca=${replica.data}/tls/certificate.pem`,
    "replication.authname=root",
    "replication.password=root-secret",
    "replication.max_retry_delay=1s",
  ]);
  await master.cli("user", "add", "carol", "--password", "secret");
  const carol = await logIn(master.crcs.endpoint, "carol", "secret");
  t.after(() => carol.close().catch(() => undefined));
  await carol.append("INBOX", "\\Seen", Buffer.from("Subject: one\r\n\r\nx\r\n"));
  await carol.ok("CREATE Work");
  await assertEqual(master, replica);
  await replica.kill();
  await carol.append("Work", "", Buffer.from("Subject: two\r\n\r\nx\r\n"));
  await replica.start();
  await assertEqual(master, replica);
  // Without a channel it has to be said; the csync protocol is not what that port speaks.
  const server = ["replicate", "-s", `127.0.0.1:${port}`, "-u", "carol"];
  assert.equal((await master.cli(...server, "--imap", "--check")).stdout, "The replica is equal.\n");
  await assert.rejects(master.cli(...server, "--check"), /it may be an IMAP port; .*\n.*--imap/);
  await replica.cli("user", "password", "root", "--password", "another");
  const csync = ["replicate", "-s", `127.0.0.1:${replica.node.endpoint("csync").port}`, "-u", "carol"];
  await assert.rejects(master.cli(...csync, "--check"), /refused AUTHENTICATE.*\n.*replication\.password/);
});

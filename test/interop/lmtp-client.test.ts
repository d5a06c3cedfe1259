// Rookery's LMTP client against the LMTP servers of others, and at the same time the proof that the peers start.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ImapFlow } from "imapflow";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { LmtpClient } from "../../src/lmtp/client.ts";
import { startCyrus } from "../support/peers/cyrus.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import type { Peer } from "../support/peers/peer.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";

const MESSAGE = Buffer.from(
  "From: Bob <bob@example.test>\r\nTo: alice@example.test\r\nSubject: dots\r\n" +
    "Message-ID: <dots@example.test>\r\n\r\n.\r\n..\r\n.two\r\nend\r\n",
);
const USERS = { cyrus: "admin", alice: "wonderland", bob: "builder" };

test("LmtpClient delivers to Dovecot", { timeout: 60_000 }, async (t) => {
  if (!(await peerOrSkip(t, "dovecot"))) return;
  await deliverAndRead(t, (folder) => startDovecot({ folder, users: USERS }));
});

test("LmtpClient delivers to Cyrus", { timeout: 60_000 }, async (t) => {
  if (!(await peerOrSkip(t, "cyrus"))) return;
  await deliverAndRead(t, async (folder) => {
    const peer = await startCyrus({ folder, users: USERS });
    await peer.create("user/alice", "user/bob");
    return peer;
  });
});

async function deliverAndRead(t: TestContext, start: (folder: string) => Promise<Peer>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rk-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const peer = await start(folder);
  t.after(() => peer.stop());

  const client = new LmtpClient(await systemNetwork.connect({ host: peer.host, port: peer.ports.lmtp ?? 0 }));
  await client.open("client.example.test");
  const { recipients, accepted } = await client.send({
    sender: "bob@example.test",
    recipients: ["alice", "nobody.here", "bob"],
    body: MESSAGE,
  });
  assert.equal(accepted, 2);
  assert.deepEqual(
    recipients.map(({ code }) => Math.trunc(code / 100)),
    [2, 5, 2],
  );
  const none = await client.send({ sender: "", recipients: ["nobody.here"], body: MESSAGE });
  assert.equal(none.accepted, 0);
  await client.quit();

  const imap = imapClient(peer, "alice");
  await imap.connect();
  await imap.mailboxOpen("INBOX");
  const message = await imap.fetchOne("1", { source: true });
  await imap.logout();
  assert.ok(message !== undefined && message !== false && message.source !== undefined);
  assert.ok(message.source.toString("latin1").endsWith("\r\n\r\n.\r\n..\r\n.two\r\nend\r\n"));
}

function imapClient(peer: Peer, user: keyof typeof USERS): ImapFlow {
  return new ImapFlow({
    host: peer.host,
    port: peer.ports.imap ?? 0,
    secure: false,
    auth: { user, pass: USERS[user] },
    logger: false,
  });
}

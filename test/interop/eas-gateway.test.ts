// A phone over HTTP, a node that is only a gateway, and a real Dovecot behind it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ImapFlow } from "imapflow";
import { EasClient } from "../../src/eas/client.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { Phone } from "../support/eas-phone.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { startServe } from "../support/running-node.ts";

const t = tagOf;
const MESSAGES = 120;

test("a phone syncs a Dovecot mailbox through the gateway", { timeout: 180_000 }, async (context) => {
  if (!(await peerOrSkip(context, "dovecot"))) return;
  const folder = mkdtempSync(join(tmpdir(), "rookery-gateway-"));
  const dovecot = await startDovecot({ folder: join(folder), users: { "alice@example.test": "secret" } });
  const port = dovecot.ports["imap"] ?? 0;
  const node = await startServe(join(folder, "data"), [
    "listen.http=127.0.0.1:0",
    "node.roles=eas",
    "log.levels=IMAP.COMMAND=debug,RESOURCES=debug",
    "gateway.accounts=remote",
    "directory.allowplaintext=yes",
    `gateway.imap=127.0.0.1:${port}`,
    "gateway.imap_tls=off",
    "gateway.smtp_tls=off",
    "gateway.default_domain=example.test",
  ]);
  const other = new ImapFlow({
    host: "127.0.0.1",
    port,
    secure: false,
    auth: { user: "alice@example.test", pass: "secret" },
    logger: false,
    disableAutoIdle: true,
  });
  await other.connect();
  context.after(async () => {
    other.close();
    await node.stop();
    await dovecot.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  for (let i = 0; i < MESSAGES; i += 1)
    await other.append("INBOX", message(`mail ${i}`), i % 2 === 0 ? ["\\Seen"] : []);
  await other.mailboxCreate("Projekte/Grüße");

  // A gateway alone leaves the ports of mail to the server that it is for.
  assert.throws(() => node.endpoint("imap"));
  const { host, port: http } = node.endpoint("http");
  const settings = {
    url: `http://${host}:${http}`,
    user: "EXAMPLE\\alice",
    password: "secret",
    deviceId: "PHONE1",
  };
  const wrong = new EasClient({ ...settings, password: "wrong" });
  assert.equal((await wrong.post("FolderSync", undefined)).status, 401);
  wrong.close();
  const client = new EasClient(settings);
  context.after(() => client.close());
  const phone = new Phone({
    call: (name, build) => client.command(name, build),
    answer: () => Promise.reject(new Error("not over HTTP")),
  });
  await phone.folderSync();
  const inbox = phone.idOf("Inbox");
  assert.equal(phone.folders.get(phone.idOf("Grüße"))?.parentId, phone.idOf("Projekte"));
  await phone.syncAll(inbox, 50);
  const items = phone.collection(inbox).items;
  assert.equal(items.size, MESSAGES);
  assert.equal([...items.values()].filter(({ read }) => read).length, MESSAGES / 2);

  // What the phone does is seen by others, and not sent back to it.
  const [first] = [...items.keys()];
  phone.act(inbox, { kind: "flag", id: first!, on: true });
  await phone.syncAll(inbox, 50);
  await other.mailboxOpen("INBOX");
  const flagged = await other.search({ flagged: true }, { uid: true });
  assert.deepEqual(flagged, [Number(first!.split(":")[1])]);

  // A held Ping is answered when mail comes.
  const ping = client.command(
    "Ping",
    (writer) => {
      writer.start(t("Ping:Ping")).text(t("Ping:HeartbeatInterval"), 300).start(t("Ping:Folders"));
      writer
        .start(t("Ping:Folder"))
        .text(t("Ping:Id"), inbox)
        .text(t("Ping:Class"), "Email")
        .end()
        .end()
        .end();
    },
    { timeoutMs: 120_000 },
  );
  // The gateway may still be on its way to Dovecot: what comes before it listens is found at its first look.
  await other.append("INBOX", message("news"));
  const answer = await ping;
  assert.equal(answer?.numberOf(t("Ping:Status")), 2);
  await phone.syncAll(inbox, 50);
  assert.ok([...items.values()].some(({ subject }) => subject === "news"));

  // Deleted on the phone: in the trash for others.
  phone.act(inbox, { kind: "delete", id: first! });
  await phone.syncAll(inbox, 50);
  assert.equal(items.size, MESSAGES);
  // S2.68, and no password in it.
  assert.ok(node.log.some((line) => line.includes('"IMAP.COMMAND"') && line.includes("UID FETCH")));
  assert.ok(node.log.some((line) => line.includes('"RESOURCES"') && line.includes("connection created")));
  assert.ok(!node.log.some((line) => line.includes("secret")));
});

function message(subject: string): string {
  return `From: bob@there.test\r\nTo: alice@example.test\r\nSubject: ${subject}\r\n\r\nThe body of ${subject}.\r\n`;
}

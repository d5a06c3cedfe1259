// A gateway that is killed when SMTP has the message and nobody has noted it; the phone comes again.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ImapFlow } from "imapflow";
import { SMTPServer } from "smtp-server";
import { EasClient } from "../../src/eas/client.ts";
import { sendMail } from "../../src/eas/client-commands.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { type RunningNode, startServe } from "../support/running-node.ts";

const PREVIOUSLY_SENT = 118;

test("SIGKILL between SMTP's answer and the note of it", { timeout: 120_000 }, async (t) => {
  if (!(await peerOrSkip(t, "dovecot"))) return;
  const folder = mkdtempSync(join(tmpdir(), "rk-eas-kill-"));
  const user = "alice@example.test";
  const dovecot = await startDovecot({ folder, users: { [user]: "secret" } });
  let node: RunningNode | undefined;
  let isKilling = true;
  const sent: string[] = [];
  const smtp = new SMTPServer({
    disabledCommands: ["STARTTLS", "AUTH"],
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        sent.push(Buffer.concat(chunks).toString());
        if (isKilling) node?.child.kill("SIGKILL");
        done();
      });
    },
  });
  smtp.on("error", () => undefined);
  await new Promise<void>((resolve) => smtp.listen(0, "127.0.0.1", resolve));
  const imap = dovecot.ports["imap"] ?? 0;
  const other = new ImapFlow({
    host: "127.0.0.1",
    port: imap,
    secure: false,
    auth: { user, pass: "secret" },
    logger: false,
    disableAutoIdle: true,
  });
  await other.connect();
  await other.mailboxCreate("Sent");
  t.after(async () => {
    other.close();
    await node?.stop();
    await new Promise<void>((resolve) => smtp.close(resolve));
    await dovecot.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const start = async (): Promise<EasClient> => {
    node = await startServe(join(folder, "data"), [
      "listen.http=127.0.0.1:0",
      "node.roles=eas",
      "gateway.accounts=remote",
      "directory.allowplaintext=yes",
      `gateway.imap=127.0.0.1:${imap}`,
      "gateway.imap_tls=off",
      `gateway.smtp=127.0.0.1:${(smtp.server.address() as AddressInfo).port}`,
      "gateway.smtp_tls=off",
      "gateway.smtp_login=no",
    ]);
    const { host, port } = node.endpoint("http");
    const client = new EasClient({ url: `http://${host}:${port}`, user, password: "secret", deviceId: "P1" });
    t.after(() => client.close());
    return client;
  };
  const mime = (name: string): Buffer =>
    Buffer.from(`From: ${user}\r\nTo: bob@there.test\r\nSubject: ${name}\r\n\r\nHi\r\n`);
  /** Its status; undefined when it went well. */
  const send = async (client: EasClient, name: string): Promise<number | undefined> =>
    (await sendMail(client, mime(name), { clientId: name }))?.numberOf(tagOf("ComposeMail:Status"));
  const idsOf = (name: string): (string | undefined)[] =>
    sent
      .filter((text) => text.includes(`Subject: ${name}\r\n`))
      .map((text) => /^Message-ID: (.*)\r$/m.exec(text)?.[1]);
  const copies = async (name: string): Promise<number> => {
    await other.mailboxOpen("Sent");
    return ((await other.search({ subject: name }, { uid: true })) || []).length;
  };

  for (const name of ["unknown", "kept"]) {
    isKilling = true;
    const client = await start();
    const killed = once(node!.child, "exit");
    await assert.rejects(send(client, name));
    await killed;
    isKilling = false;
    // The server keeps what it sends by itself.
    if (name === "kept") await other.append("Sent", sent.at(-1) ?? "");
    const again = await start();
    assert.equal(await send(again, name), undefined);
    assert.equal(await send(again, name), PREVIOUSLY_SENT);
    assert.equal(await copies(name), 1);
    await node?.stop();
  }
  const [first, second, ...more] = idsOf("unknown");
  assert.ok(first !== undefined && more.length === 0);
  assert.equal(second, first);
  assert.equal(idsOf("kept").length, 1);
});

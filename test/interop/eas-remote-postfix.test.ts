// What a phone of the gateway sends: through a real Postfix into the mailbox of a real Dovecot, and refused by it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AccountError } from "../../src/eas/account/port.ts";
import { remoteAccounts } from "../support/eas-remote.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { startPostfix } from "../support/peers/postfix.ts";

test("a message of the gateway goes through Postfix to Dovecot", { timeout: 120_000 }, async (t) => {
  for (const peer of ["dovecot", "postfix"] as const) if (!(await peerOrSkip(t, peer))) return;
  const folders = ["rk-d", "rk-p"].map((name) => mkdtempSync(join(tmpdir(), name)));
  t.after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  const [dovecotFolder = "", postfixFolder = ""] = folders;
  const dovecot = await startDovecot({ folder: dovecotFolder, users: { "alice@example.test": "secret" } });
  t.after(() => dovecot.stop());
  const postfix = await startPostfix({
    folder: postfixFolder,
    domain: "example.test",
    lmtpTarget: { host: "127.0.0.1", port: dovecot.ports["lmtp"] ?? 0 },
    settings: { smtpd_relay_restrictions: "reject_unauth_destination" },
  });
  t.after(() => postfix.stop());
  const accounts = remoteAccounts(dovecot.ports["imap"] ?? 0, {
    smtp: `127.0.0.1:${postfix.ports["smtp"] ?? 0}`,
    smtp_login: "no",
    login_with_domain: "yes",
  });
  t.after(() => accounts.close());
  const account = await accounts.open("alice", "secret", "192.0.2.1", true);
  let heard = (): void => undefined;
  const stop = await account.watch(["inbox"], () => heard());
  const arrived = new Promise<void>((resolve) => (heard = resolve));
  const bytes = Buffer.from(
    "From: alice@example.test\r\nTo: alice@example.test\r\nSubject: Gr\u00fc\u00dfe\r\n\r\n.\r\n..dots\r\n",
  );
  await account.send({ bytes, saveInSent: false });
  await arrived;
  stop();
  const inbox = await account.openMail("inbox");
  const [uid] = await inbox.uids(0);
  for await (const item of inbox.items([uid as Parameters<typeof inbox.items>[0][number]])) {
    assert.ok(item.failure === undefined);
    const text = (await item.read(0, item.sizeBytes)).toString();
    assert.match(text, /\r\n\r\n\.\r\n\.\.dots\r\n$/);
  }
  await assert.rejects(
    account.send({
      bytes: Buffer.from("From: alice@example.test\r\nTo: x@elsewhere.invalid\r\n\r\nHi\r\n"),
      saveInSent: false,
    }),
    (error) => error instanceof AccountError && error.code === "send_failed",
  );
});

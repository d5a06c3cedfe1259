// A real MTA hands mail over: Postfix → LMTP → Rookery, two recipients in one transaction; the body has what a
// transport may spoil: dots at the start of lines, a long line, 8-bit text.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ImapFlow } from "imapflow";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { startPostfix } from "../support/peers/postfix.ts";
import { startUp } from "../support/running-node.ts";

const BODY = `.\r\n..\r\n.dot\r\nGrüße\r\n${"x".repeat(900)}\r\n`;
const MESSAGE = Buffer.from(
  "From: Carol <carol@elsewhere.test>\nTo: alice@example.test, bob@example.test\nSubject: from Postfix\n" +
    `Message-ID: <postfix@elsewhere.test>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n${BODY.replaceAll("\r", "")}`,
);

test("Postfix delivers to two recipients through LMTP", { timeout: 120_000 }, async (t) => {
  if (!(await peerOrSkip(t, "postfix"))) return;
  const folder = mkdtempSync(join(tmpdir(), "rk-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const node = await startUp(join(folder, "data"), ["--password", "secret"]);
  t.after(() => node.stop());
  const postfixFolder = mkdtempSync(join(tmpdir(), "rk-p"));
  t.after(() => rmSync(postfixFolder, { recursive: true, force: true }));
  const postfix = await startPostfix({
    folder: postfixFolder,
    domain: "example.test",
    lmtpTarget: node.endpoint("lmtp"),
  });
  t.after(() => postfix.stop());

  const waiting = ["alice", "bob"].map(async (user) => {
    const imap = new ImapFlow({
      ...node.endpoint("imap"),
      secure: false,
      auth: { user, pass: "secret" },
      tls: { rejectUnauthorized: false },
      logger: false,
    });
    await imap.connect();
    try {
      await imap.mailboxOpen("INBOX");
      return await arrival(imap);
    } finally {
      await imap.logout();
    }
  });
  await postfix.sendmail("carol@elsewhere.test", ["alice@example.test", "bob@example.test"], MESSAGE);
  for (const source of await Promise.all(waiting)) {
    const text = source.toString("utf8");
    assert.match(text, /^Return-Path: <carol@elsewhere\.test>\r\nReceived: from mx\.example\.test /);
    assert.ok(text.endsWith(`\r\n\r\n${BODY}`), `body changed: ${text.slice(-200)}`);
  }
  const sessions = new Set(postfix.mailLog().match(/\([A-Za-z0-9]+-[A-Za-z0-9]+\.\d+\)/g));
  assert.equal(sessions.size, 1, `one transaction for both recipients: ${postfix.mailLog()}`);
});

/** Source of the message from Postfix, as soon as the server tells of it. */
async function arrival(imap: ImapFlow): Promise<Buffer> {
  for (;;) {
    const found = await imap.search({ header: { "message-id": "<postfix@elsewhere.test>" } }, { uid: true });
    const uid = found === false || found === undefined ? undefined : found.at(-1);
    if (uid !== undefined) {
      const message = await imap.fetchOne(String(uid), { source: true }, { uid: true });
      if (message !== false && message?.source !== undefined) return message.source;
    }
    // "exists" ends it; without IDLE it returns at once and the search goes round.
    await Promise.race([new Promise((heard) => imap.once("exists", heard)), imap.noop().then(() => pause())]);
  }
}

/** Between two looks, where the server did not tell. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}

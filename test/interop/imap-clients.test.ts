// Clients that people use, against a whole node: imapflow, curl, mbsync in both directions.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { ImapFlow } from "imapflow";
import { type RunningNode, startUp } from "../support/running-node.ts";
import { toolOrSkip } from "../support/tool-or-skip.ts";

const run = promisify(execFile);
const PASSWORD = "secret";
const folder = mkdtempSync(join(tmpdir(), "rk-"));
let node: RunningNode;

before(async () => {
  node = await startUp(join(folder, "data"), ["--password", PASSWORD]);
});
after(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function withImapflow<Result>(work: (imap: ImapFlow) => Promise<Result>): Promise<Result> {
  const imap = new ImapFlow({
    ...node.endpoint("imaps"),
    secure: true,
    auth: { user: "alice", pass: PASSWORD },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
  await imap.connect();
  try {
    return await work(imap);
  } finally {
    await imap.logout();
  }
}

function message(subject: string): string {
  return `From: a@example.test\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@example.test>\r\n\r\nbody of ${subject}\r\n`;
}

test("imapflow appends, flags, searches, moves and reads", { timeout: 60_000 }, async () => {
  await withImapflow(async (imap) => {
    await imap.mailboxCreate("Projects");
    const appended = await imap.append("INBOX", message("flow"), ["\\Flagged"]);
    assert.ok(appended !== false && appended !== undefined);
    await imap.mailboxOpen("INBOX");
    const found = await imap.search({ subject: "flow" }, { uid: true });
    assert.ok(Array.isArray(found) && found.length === 1);
    const uid = String(found[0]);
    await imap.messageFlagsAdd(uid, ["\\Seen"], { uid: true });
    await imap.messageMove(uid, "Projects", { uid: true });
    await imap.mailboxOpen("Projects");
    const moved = await imap.fetchOne("1", { source: true, flags: true, envelope: true });
    assert.ok(moved !== false && moved !== undefined);
    assert.equal(moved.source?.toString(), message("flow"));
    assert.equal(moved.envelope?.subject, "flow");
    assert.deepEqual([...(moved.flags ?? [])].filter((flag) => flag !== "\\Recent").sort(), [
      "\\Flagged",
      "\\Seen",
    ]);
  });
});

test("curl lists and reads over imaps", { timeout: 60_000 }, async (t) => {
  if (!toolOrSkip(t, "curl")) return;
  await withImapflow((imap) => imap.append("Sent", message("curl")));
  const { host, port } = node.endpoint("imaps");
  const curl = async (path: string): Promise<string> => {
    const args = ["--silent", "--show-error", "--insecure", "--user", `alice:${PASSWORD}`];
    return (await run("curl", [...args, `imaps://${host}:${port}/${path}`])).stdout;
  };
  assert.match(await curl(""), /^\* LIST \([^)]*\) "\/" INBOX\r$/m);
  assert.equal(await curl("Sent;MAILINDEX=1"), message("curl"));
});

test("mbsync synchronizes both ways", { timeout: 120_000 }, async (t) => {
  if (!toolOrSkip(t, "mbsync")) return;
  const maildir = join(folder, "mbsync");
  mkdirSync(maildir);
  const { host, port } = node.endpoint("imap");
  const configuration = join(folder, "mbsyncrc");
  writeFileSync(
    configuration,
    `IMAPAccount node\nHost ${host}\nPort ${port}\nUser alice\nPass ${PASSWORD}\nSSLType STARTTLS\n` +
      `CertificateFile ${join(folder, "certificate.pem")}\n\nIMAPStore far\nAccount node\n\n` +
      `MaildirStore near\nPath ${maildir}/\nInbox ${maildir}/INBOX\nSubFolders Verbatim\n\n` +
      "Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n",
  );
  writeFileSync(join(folder, "certificate.pem"), await certificateOf(host, port));
  const mbsync = (): Promise<unknown> => run("mbsync", ["-c", configuration, "-a"]);
  await withImapflow((imap) => imap.append("INBOX", message("far")));
  await mbsync();
  assert.ok(bodiesOf(join(maildir, "INBOX")).some((text) => text.includes("body of far")));
  writeFileSync(join(maildir, "INBOX", "new", "1.near.test"), message("near").replaceAll("\r", ""));
  await mbsync();
  await withImapflow(async (imap) => {
    await imap.mailboxOpen("INBOX");
    const found = await imap.search({ subject: "near" }, { uid: true });
    assert.ok(Array.isArray(found) && found.length === 1);
    await imap.messageDelete(String(found[0]), { uid: true });
  });
  await mbsync();
  assert.ok(!bodiesOf(join(maildir, "INBOX")).some((text) => text.includes("body of near")));
});

function bodiesOf(maildir: string): string[] {
  return ["cur", "new"].flatMap((part) =>
    readdirSync(join(maildir, part)).map((name) => readFileSync(join(maildir, part, name), "utf8")),
  );
}

/** PEM of the node's certificate, which it made itself: mbsync has to be told to trust it. */
async function certificateOf(host: string, port: number): Promise<string> {
  const asking = run("openssl", ["s_client", "-connect", `${host}:${port}`, "-starttls", "imap"]);
  asking.child.stdin?.end();
  const { stdout } = await asking;
  return /-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/.exec(stdout)?.[0] ?? "";
}

// OfflineIMAP 3 against a whole node: folders, mail and flags both ways.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ImapFlow } from "imapflow";
import { startUp } from "../support/running-node.ts";
import { toolOrSkip } from "../support/tool-or-skip.ts";

const run = promisify(execFile);
const PASSWORD = "secret";

function message(subject: string): string {
  return `From: a@example.test\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@example.test>\r\n\r\nbody of ${subject}\r\n`;
}

/** Name and text of each message of a maildir. */
function messagesOf(maildir: string): { path: string; text: string }[] {
  return ["cur", "new"].flatMap((part) =>
    readdirSync(join(maildir, part)).map((name) => {
      const path = join(maildir, part, name);
      return { path, text: readFileSync(path, "utf8") };
    }),
  );
}

test("offlineimap synchronizes both ways", { timeout: 120_000 }, async (t) => {
  if (!toolOrSkip(t, "offlineimap")) return;
  const folder = mkdtempSync(join(tmpdir(), "rk-"));
  const node = await startUp(join(folder, "data"), ["--password", PASSWORD]);
  t.after(async () => {
    await node.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const { host, port } = node.endpoint("imaps");
  const imap = new ImapFlow({
    host,
    port,
    secure: true,
    auth: { user: "alice", pass: PASSWORD },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
  await imap.connect();
  t.after(() => imap.close());

  const maildir = join(folder, "mail");
  mkdirSync(join(folder, "metadata"));
  const configuration = join(folder, "offlineimaprc");
  writeFileSync(
    configuration,
    `[general]\naccounts = a\nmetadata = ${folder}/metadata\nui = quiet\n\n[Account a]\nlocalrepository = near\n` +
      `remoterepository = far\n\n[Repository near]\ntype = Maildir\nlocalfolders = ${maildir}\n\n` +
      `[Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = ${port}\nremoteuser = alice\nremotepass = ${PASSWORD}\n` +
      `ssl = yes\nsslcacertfile = ${join(folder, "data", "tls", "certificate.pem")}\nssl_version = tls1_2\ntls_level = tls_compat\n`,
  );
  const synchronize = (): Promise<unknown> => run("offlineimap", ["-c", configuration, "-o"]);

  await imap.append("INBOX", message("far"), ["\\Flagged"]);
  await synchronize();
  const inbox = join(maildir, "INBOX");
  const far = messagesOf(inbox).find(({ text }) => text.includes("body of far"));
  assert.match(far?.path ?? "", /:2,F$/);
  assert.ok(readdirSync(maildir).includes("Drafts"));

  // Read here, written here: both get there, with a folder that was made here.
  renameSync(far?.path ?? "", join(inbox, "cur", `${(far?.path ?? "").split("/").at(-1)}S`));
  writeFileSync(join(inbox, "new", "1.near.test"), message("near").replaceAll("\r", ""));
  for (const part of ["cur", "new", "tmp"]) mkdirSync(join(maildir, "Made here", part), { recursive: true });
  await synchronize();
  await imap.mailboxOpen("INBOX");
  const seen = await imap.search({ subject: "far", seen: true, flagged: true }, { uid: true });
  assert.equal(Array.isArray(seen) && seen.length, 1);
  const near = await imap.search({ subject: "near" }, { uid: true });
  assert.ok(Array.isArray(near) && near.length === 1);
  assert.ok((await imap.list()).some(({ path }) => path === "Made here"));

  await imap.messageDelete(String(near[0]), { uid: true });
  await synchronize();
  assert.ok(!messagesOf(inbox).some(({ text }) => text.includes("body of near")));
});

// Programs that fetch mail on their own, against a whole node: each gets every message once, and none a second time.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { LmtpClient } from "../../src/lmtp/client.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";
import { toolOrSkip } from "../support/tool-or-skip.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "rk-"));
const SUBJECTS = ["first", "second", "..dots"];
/** fetchmail: there was no new mail. */
const FETCHMAIL_NOTHING_NEW = 1;
let node: RunningNode;
/** Also the Message-ID: the same mail for the same user would be suppressed. */
let delivered = 0;

before(async () => {
  node = await startUp(join(folder, "data"), ["--password", "secret"]);
});
after(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function deliver(user: string, subject: string): Promise<void> {
  const { host, port } = node.endpoint("lmtp");
  const lmtp = new LmtpClient(await systemNetwork.connect({ host, port }));
  await lmtp.open("client.test");
  const body = Buffer.from(
    `From: a@remote.test\r\nSubject: ${subject}\r\nMessage-ID: <${++delivered}@remote.test>\r\n\r\n.a dot\r\nend ${subject}\r\n`,
  );
  const { accepted } = await lmtp.send({ sender: "", recipients: [`${user}@example.test`], body });
  assert.equal(accepted, 1);
  await lmtp.quit();
}

/** How often each subject stands in what a program wrote. */
function counts(file: string): Record<string, number> {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return Object.fromEntries(
    SUBJECTS.map((subject) => [subject, text.split(`\nend ${subject}\n`).length - 1]),
  );
}

/** Fetches twice with a new message between; every message is there once. */
async function fetchesOnce(own: string, user: string, fetch: () => Promise<unknown>): Promise<void> {
  const file = join(own, "mail");
  const [first = "", second = "", last = ""] = SUBJECTS;
  await deliver(user, first);
  await deliver(user, second);
  await fetch();
  assert.deepEqual(counts(file), { [first]: 1, [second]: 1, [last]: 0 });
  await deliver(user, last);
  await fetch();
  await fetch();
  assert.deepEqual(counts(file), { [first]: 1, [second]: 1, [last]: 1 });
  assert.match(readFileSync(file, "utf8").replaceAll("\r\n", "\n"), /\n\.a dot\n/);
}

function ownFolder(name: string): string {
  const own = join(folder, name);
  mkdirSync(own);
  return own;
}

test("getmail fetches over POP3S and knows messages again by UIDL", { timeout: 120_000 }, async (t) => {
  if (!toolOrSkip(t, "getmail")) return;
  const own = ownFolder("getmail");
  const { host, port } = node.endpoint("pop3s");
  writeFileSync(
    join(own, "rc"),
    `[retriever]\ntype = SimplePOP3SSLRetriever\nserver = ${host}\nport = ${port}\nusername = bob\npassword = secret\n` +
      `[destination]\ntype = MDA_external\npath = /bin/sh\narguments = ("-c", "cat >> ${own}/mail")\n` +
      "allow_root_commands = true\n[options]\nread_all = false\ndelete = false\n",
  );
  await fetchesOnce(own, "bob", () => run("getmail", [`--getmaildir=${own}`, "--rcfile=rc"], { cwd: own }));
});

test("fetchmail fetches over STLS, keeps, and then deletes", { timeout: 120_000 }, async (t) => {
  if (!toolOrSkip(t, "fetchmail")) return;
  const own = ownFolder("fetchmail");
  const { host, port } = node.endpoint("pop3");
  const rc = join(own, "rc");
  writeFileSync(
    rc,
    `set no bouncemail\npoll ${host} protocol pop3 port ${port} uidl\n` +
      `user "alice" password "secret" sslproto "TLS1.2+" no sslcertck mda "cat >> ${own}/mail"\n`,
    { mode: 0o600 },
  );
  const fetch = (...options: string[]): Promise<unknown> =>
    run("fetchmail", ["-f", rc, "--nosyslog", ...options], {
      env: { ...process.env, HOME: own, FETCHMAILHOME: own },
    }).catch((error: unknown) => {
      assert.equal((error as { code?: unknown }).code, FETCHMAIL_NOTHING_NEW, String(error));
    });
  await fetchesOnce(own, "alice", () => fetch("--keep"));
  // What was seen before is removed too.
  await fetch("--nokeep", "--all");
  rmSync(join(own, "mail"));
  await fetch("--nokeep", "--all");
  assert.equal(existsSync(join(own, "mail")), false, "the maildrop is empty");
});

test("mpop fetches over STLS with SCRAM, pipelined", { timeout: 120_000 }, async (t) => {
  if (!toolOrSkip(t, "mpop")) return;
  const own = ownFolder("mpop");
  const { host, port } = node.endpoint("pop3");
  const rc = join(own, "rc");
  writeFileSync(
    rc,
    `account a\nhost ${host}\nport ${port}\nuser alice\npassword secret\nauth scram-sha-256\ntls on\ntls_starttls on\n` +
      `tls_certcheck off\npipelining on\nkeep on\nuidls_file ${own}/uidls\ndelivery mbox ${own}/mail\n`,
    { mode: 0o600 },
  );
  await fetchesOnce(own, "alice", () => run("mpop", ["-C", rc, "a"]));
});

/** `rookery up` as a user meets it: first start, clients, commands, a second instance, stopping, the next start. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ImapFlow } from "imapflow";
import { runCli } from "../support/run-cli.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";

const PASSWORD = "correct-horse";

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "rookery-up-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "data");
}

async function start(t: TestContext, folder: string, argv: readonly string[] = []): Promise<RunningNode> {
  const node = await startUp(folder, argv);
  t.after(() => node.stop());
  return node;
}

function imapClient(node: RunningNode, service: "imap" | "imaps", user = "alice", pass = PASSWORD): ImapFlow {
  const { host, port, tls } = node.endpoint(service);
  return new ImapFlow({
    host,
    port,
    secure: tls,
    doSTARTTLS: !tls,
    tls: { rejectUnauthorized: false },
    auth: { user, pass },
    logger: false,
  });
}

async function lmtp(node: RunningNode, recipients: readonly string[], message: string): Promise<string[]> {
  const { host, port } = node.endpoint("lmtp");
  const socket = connect(port, host);
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString()));
  const commands = [
    "LHLO client.example.test",
    "MAIL FROM:<sender@example.org>",
    ...recipients.map((recipient) => `RCPT TO:<${recipient}>`),
    "DATA",
    `${message}.`,
    "QUIT",
  ];
  socket.write(commands.map((command) => `${command}\r\n`).join(""));
  await once(socket, "close");
  return text.split("\r\n").filter((line) => /^\d{3} /.test(line));
}

const MESSAGE = "From: s@example.org\r\nTo: alice@example.test\r\nSubject: by LMTP\r\n\r\nHello.\r\n";

test("up: one JSON line, mail over IMAP and LMTP, health, commands through the running node", async (t) => {
  const folder = temporaryFolder(t);
  const node = await start(t, folder, ["--password", PASSWORD]);

  await t.test("the line has endpoints and accounts, and stands alone", () => {
    assert.deepEqual(Object.keys(node.answer.endpoints).sort(), [
      "csync",
      "http",
      "https",
      "imap",
      "imaps",
      "lmtp",
      "managesieve",
      "pop3",
      "pop3s",
      "submission",
      "submissions",
    ]);
    for (const { host, port, tls } of Object.values(node.answer.endpoints)) {
      assert.equal(host, "127.0.0.1");
      assert.ok(Number.isInteger(port) && port > 0);
      assert.equal(typeof tls, "boolean");
    }
    assert.equal(node.endpoint("imaps").tls, true);
    assert.deepEqual(node.answer.accounts, [
      { user: "alice", password: PASSWORD },
      { user: "bob", password: PASSWORD },
    ]);
    assert.equal(node.lines.length, 1);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  for (const service of ["imap", "imaps"] as const) {
    await t.test(`${service}: special folders, demo mail and its bytes`, async () => {
      const client = imapClient(node, service);
      await client.connect();
      try {
        const uses = (await client.list())
          .map(({ specialUse }) => specialUse)
          .filter((use) => use !== undefined);
        for (const use of ["\\Inbox", "\\Sent", "\\Drafts", "\\Trash"]) assert.ok(uses.includes(use), use);
        const lock = await client.getMailboxLock("INBOX");
        const welcome = await client.fetchOne("1", { envelope: true, source: true, bodyStructure: true });
        lock.release();
        assert.ok(welcome !== false && welcome !== undefined);
        assert.equal(welcome.envelope?.subject, "Welcome to Rookery");
        assert.equal(welcome.bodyStructure?.type, "multipart/alternative");
        assert.match(welcome.source?.toString() ?? "", /^Return-Path: <postmaster@example\.test>\r\n/);
      } finally {
        await client.logout();
      }
    });
  }

  await t.test("lmtp: one answer a recipient; the mail is there", async () => {
    const answers = await lmtp(
      node,
      ["alice@example.test", "nobody@example.test", "bob@example.test"],
      MESSAGE,
    );
    assert.deepEqual(
      answers.map((line) => line.slice(0, 3)),
      ["220", "250", "250", "250", "550", "250", "354", "250", "250", "221"],
    );
    const client = imapClient(node, "imaps", "bob");
    await client.connect();
    const lock = await client.getMailboxLock("INBOX");
    const found = await client.search({ subject: "by LMTP" });
    lock.release();
    await client.logout();
    assert.ok(found !== undefined && found !== false);
    assert.equal(found.length, 1);
  });

  await t.test("http: health and metrics", async () => {
    const { host, port } = node.endpoint("http");
    const health = await fetch(`http://${host}:${port}/health`);
    assert.equal(health.status, 200);
    const metrics = await (await fetch(`http://${host}:${port}/metrics`)).text();
    assert.match(metrics, /^rookery_lmtp_messages_total 1$/m);
  });

  await t.test("commands go to the running node", async () => {
    await checkCommands(folder, "running");
  });

  await t.test("a second instance is refused and told the process", async () => {
    const { exitCode, stdout, stderr } = await runCli(["up", "--data", folder, "--port-base", "0"]);
    assert.equal(exitCode, 75);
    assert.equal(stdout, "");
    assert.match(stderr, new RegExp(`in use by process ${node.child.pid}\\n`));
  });
});

test("SIGTERM says goodbye to sessions and ends the process; the next start has the same data", async (t) => {
  const folder = temporaryFolder(t);
  const first = await start(t, folder);
  const certificate = readFileSync(join(folder, "tls", "certificate.pem"), "utf8");
  const [alice, bob] = first.answer.accounts;
  assert.ok(alice?.password !== null && alice !== undefined && bob !== undefined);
  assert.match(alice.password, /^[a-z0-9-]{19}$/);
  assert.notEqual(alice.password, bob.password);

  const { host, port } = first.endpoint("imap");
  const socket = connect(port, host);
  let said = "";
  socket.on("data", (chunk) => (said += chunk.toString()));
  await once(socket, "data");
  const closed = once(socket, "close");
  assert.equal(await first.stop(), 0);
  await closed;
  assert.match(said, /\r\n\* BYE [^\r]*\r\n$/);

  await t.test("commands work on the folder of a stopped node", async () => {
    await checkCommands(folder, "stopped");
  });

  const second = await start(t, folder, ["--password", alice.password]);
  assert.deepEqual(second.answer.accounts, [
    { user: "alice", password: alice.password },
    { user: "bob", password: null },
  ]);
  assert.equal(readFileSync(join(folder, "tls", "certificate.pem"), "utf8"), certificate);
  const client = imapClient(second, "imaps", "alice", alice.password);
  await client.connect();
  const lock = await client.getMailboxLock("INBOX");
  const subjects: (string | undefined)[] = [];
  for await (const message of client.fetch("1:*", { envelope: true }))
    subjects.push(message.envelope?.subject);
  lock.release();
  await client.logout();
  assert.equal(subjects.filter((subject) => subject === "Welcome to Rookery").length, 1);
  assert.ok(subjects.includes("by command"));
});

/** The same commands and answers, whoever owns the folder. */
async function checkCommands(folder: string, state: "running" | "stopped"): Promise<void> {
  const run = async (...argv: string[]): Promise<unknown> => {
    const { exitCode, stdout, stderr } = await runCli([...argv, "--data", folder, "--json"]);
    assert.equal(exitCode, 0, `${argv.join(" ")}: ${stderr}`);
    return JSON.parse(stdout);
  };
  const status = (await run("status")) as { running: boolean };
  assert.equal(status.running, state === "running");

  const carol = (await run("user", "add", "carol", "--generate", "--quota", "1GiB")) as Record<
    string,
    unknown
  >;
  assert.equal(carol["user"], "carol");
  assert.match(String(carol["password"]), /^[a-z0-9-]{19}$/);
  const users = (await run("user", "list")) as { user: string; quotaBytes: number | null }[];
  assert.deepEqual(
    users.map(({ user }) => user),
    ["alice", "bob", "carol"],
  );
  assert.equal(users[2]?.quotaBytes, 2 ** 30);
  const again = await runCli(["user", "add", "carol", "--generate", "--data", folder]);
  assert.equal(again.exitCode, 65);
  assert.match(again.stderr, /carol[^]*rookery user password/);

  await run("mailbox", "create", "user/carol/Größe");
  await run("mailbox", "acl", "user/carol/Größe", "alice", "lrs");
  const acl = (await run("mailbox", "acl", "user/carol/Größe", "alice", "+i")) as {
    acl: { rights: string }[];
  };
  assert.ok(acl.acl.some(({ rights }) => rights === "lrsi"));
  const names = (await run("mailbox", "list", "--user", "carol")) as { name: string }[];
  assert.ok(names.some(({ name }) => name === "user.carol.Gr&APYA3w-e"));
  await run("mailbox", "delete", "user.carol.Gr&APYA3w-e");
  const deleted = (await run("mailbox", "list", "--deleted", "--user", "carol")) as unknown[];
  assert.equal(deleted.length, 1);
  await run("mailbox", "undelete", "user/carol/Größe");
  const quota = (await run("mailbox", "quota", "carol", "--messages", "100")) as Record<string, unknown>;
  assert.equal(quota["messageLimit"], 100);
  assert.equal(quota["storageLimitBytes"], 2 ** 30);

  const message = "Subject: by command\r\n\r\nHello.\r\n";
  const delivered = await runCli(["deliver", "alice@example.test", "carol", "--data", folder], {
    input: message,
  });
  assert.equal(delivered.exitCode, 0, delivered.stderr);
  const dump = (await run("dump", "user.carol")) as {
    messages: { uid: number }[];
    mailbox: { name: string };
  };
  assert.equal(dump.messages.length, 1);
  assert.equal(dump.mailbox.name, "user.carol");
  const nobody = await runCli(["deliver", "nobody@example.test", "--data", folder], { input: message });
  assert.equal(nobody.exitCode, 65);
  assert.match(nobody.stderr, /nobody took the message/);

  await run("user", "delete", "carol");
  const left = (await run("mailbox", "list", "--user", "carol")) as unknown[];
  assert.equal(left.length, 0);
}

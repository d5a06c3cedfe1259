// Phones of a node that comes back from a backup: they go on where they were, or from the start; nothing is lost.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { EasClient } from "../../src/eas/client.ts";
import { Phone } from "../support/eas-phone.ts";
import { Postgres, postgresMissing } from "../support/postgres.ts";
import { runCli } from "../support/run-cli.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";

interface Login {
  readonly user: string;
  readonly password: string;
}

/** Points the phone to the node, as DNS would. */
function connect(t: TestContext, node: RunningNode, { user, password }: Login, deviceId: string): EasClient {
  const { host, port } = node.endpoint("https");
  const client = new EasClient({
    url: `https://${host}:${port}`,
    user,
    password,
    deviceId,
    verifyCertificate: false,
  });
  t.after(() => client.close());
  return client;
}

const over = (client: EasClient): Phone["gateway"] => ({
  call: (name, build) => client.command(name, build),
  answer: () => Promise.reject(new Error("not over HTTP")),
});

test("a node comes back from a backup with what its phones know", { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rk-eas-backup-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, "data");
  let node = await startUp(data);
  t.after(() => node.stop());
  const found = node.answer.accounts.find(({ user }) => user.startsWith("alice"));
  const alice: Login = { user: found?.user ?? "", password: found?.password ?? "" };
  const phones: Phone[] = [];
  for (const deviceId of ["QUIET", "BUSY"]) {
    const phone = new Phone(over(connect(t, node, alice, deviceId)));
    await phone.folderSync();
    await phone.syncAll(phone.idOf("Inbox"), 50);
    phones.push(phone);
  }
  const [quiet, busy] = phones as [Phone, Phone];
  const inbox = quiet.idOf("Inbox");
  const before = [...quiet.collection(inbox).items.keys()];
  assert.ok(before.length > 0);

  const backup = join(folder, "backup");
  const done = await runCli(["backup", backup, "--copy", "--data", data]);
  assert.equal(done.exitCode, 0, done.stderr);
  // What one phone does now is in no backup.
  busy.act(inbox, { kind: "delete", id: before[0]! });
  await busy.syncAll(inbox, 50);
  await node.stop();

  const again = join(folder, "again");
  const restored = await runCli(["restore", backup, "--data", again]);
  assert.equal(restored.exitCode, 0, restored.stderr);
  node = await startUp(again);
  quiet.gateway = over(connect(t, node, alice, "QUIET"));
  busy.gateway = over(connect(t, node, alice, "BUSY"));
  const mime = "From: bob@example.test\r\nTo: alice@example.test\r\nSubject: after the restore\r\n\r\nHi\r\n";
  const delivered = await runCli(["deliver", "alice@example.test", "--data", again], { input: mime });
  assert.equal(delivered.exitCode, 0, delivered.stderr);

  // The folders and what lies in them are known still: only what is new comes.
  const keyBefore = quiet.collection(inbox).key;
  assert.equal(await quiet.folderSync(), 1);
  await quiet.syncAll(inbox, 50);
  const keyAfter = quiet.collection(inbox).key;
  assert.equal(Number.parseInt(keyAfter, 10), Number.parseInt(keyBefore, 10) + 1);
  // This one's key is from a time that never was: it gets everything anew.
  await busy.syncAll(inbox, 50);
  for (const phone of [quiet, busy]) {
    for (const id of before) assert.ok(phone.collection(inbox).items.has(id), `${phone.deviceId} has ${id}`);
    assert.ok(
      [...phone.collection(inbox).items.values()].some(({ subject }) => subject === "after the restore"),
    );
  }
});

test(
  "mailboxes come back from a backup, and PostgreSQL knows what phones saw since",
  { skip: postgresMissing() ?? false, timeout: 120_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "rk-eas-backup-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const server = await Postgres.start();
    t.after(() => server.stop());
    const settings = ["--set", `activesync.database=${await server.createDatabase()}`];
    const data = join(folder, "data");
    const installed = await runCli(["schema", "install", "--data", data, ...settings]);
    assert.equal(installed.exitCode, 0, installed.stderr);
    let node = await startUp(data, settings);
    t.after(() => node.stop());
    const found = node.answer.accounts.find(({ user }) => user.startsWith("alice"));
    const alice: Login = { user: found?.user ?? "", password: found?.password ?? "" };
    const phone = new Phone(over(connect(t, node, alice, "PHONE")));
    await phone.folderSync();
    const inbox = phone.idOf("Inbox");
    await phone.syncAll(inbox);

    const backup = join(folder, "backup");
    const done = await runCli(["backup", backup, "--copy", "--data", data]);
    assert.equal(done.exitCode, 0, done.stderr);
    const subjects = (): string[] =>
      [...phone.collection(inbox).items.values()].map(({ subject }) => subject);
    const deliver = async (at: string, subject: string): Promise<void> => {
      const input = `From: bob@example.test\r\nTo: alice@example.test\r\nSubject: ${subject}\r\n\r\nHi\r\n`;
      const { exitCode, stderr } = await runCli(["deliver", "alice@example.test", "--data", at], { input });
      assert.equal(exitCode, 0, stderr);
    };
    await deliver(data, "undone 1");
    await deliver(data, "undone 2");
    await phone.syncAll(inbox);
    assert.ok(subjects().includes("undone 2"));
    await node.stop();

    const again = join(folder, "again");
    const restored = await runCli(["restore", backup, "--data", again]);
    assert.equal(restored.exitCode, 0, restored.stderr);
    node = await startUp(again, settings);
    phone.gateway = over(connect(t, node, alice, "PHONE"));
    // The same UIDs and modseqs as those that were undone, and more.
    for (const number of [1, 2, 3]) await deliver(again, `after ${number}`);
    await phone.folderSync();
    await phone.syncAll(inbox);
    for (const number of [1, 2, 3]) assert.ok(subjects().includes(`after ${number}`), subjects().join());
    assert.ok(!subjects().some((subject) => subject.startsWith("undone")));
  },
);

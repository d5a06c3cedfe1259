/** ActiveSync as its operator meets it: devices, probe, the tables in PostgreSQL. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { EasClient } from "../../src/eas/client.ts";
import { folderSync } from "../../src/eas/client-commands.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { freePorts } from "../support/peers/free-ports.ts";
import { Postgres, postgresMissing } from "../support/postgres.ts";
import { runCli } from "../support/run-cli.ts";
import { type RunningNode, startServe, startUp } from "../support/running-node.ts";

const PASSWORD = "correct-horse";
const DEVICE = "ABC123";
const STATUS = tagOf("FolderHierarchy:Status");

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "rookery-eas-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "data");
}

function urlOf(node: RunningNode): string {
  const { host, port } = node.endpoint("https");
  return `https://${host}:${port}`;
}

test("eas: devices are listed, blocked, wiped, reset, traced and removed; the probe syncs", async (t) => {
  const folder = temporaryFolder(t);
  const node = await startUp(folder, ["--password", PASSWORD]);
  t.after(() => node.stop());
  const phone = new EasClient({
    url: urlOf(node),
    user: "alice",
    password: PASSWORD,
    version: 161,
    deviceId: DEVICE,
    verifyCertificate: false,
  });
  t.after(() => phone.close());
  const device = async (...words: readonly string[]): Promise<unknown> => {
    const { exitCode, stdout, stderr } = await runCli(["device", ...words, "--data", folder, "--json"]);
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as unknown;
  };
  const refusedWith = async (): Promise<string | undefined> =>
    (await phone.post("FolderSync", undefined)).root?.textOf(STATUS);

  const folders = await folderSync(phone);
  assert.ok(folders.adds.some(({ type }) => type === 2));
  const [listed] = (await device("list", "alice")) as readonly Record<string, unknown>[];
  assert.equal(listed?.["device"], DEVICE);
  assert.equal(listed["version"], "16.1");

  await device("trace", "alice", DEVICE.toLowerCase(), "on");
  await device("block", "alice", DEVICE);
  assert.equal(await refusedWith(), "129");
  await device("allow", "alice", DEVICE);
  assert.equal((await folderSync(phone, folders.syncKey)).status, 1);
  const { text } = (await device("trace", "alice", DEVICE)) as { readonly text: string };
  assert.match(text, /Cmd=FolderSync/);

  // S2.44: what the device knows is forgotten, it syncs from the start.
  await device("reset", "alice", DEVICE);
  assert.equal((await folderSync(phone, folders.syncKey)).status, 9);
  assert.equal((await folderSync(phone)).adds.length, folders.adds.length);

  await device("wipe", "alice", DEVICE);
  assert.equal(await refusedWith(), "140");
  await device("wipe", "alice", DEVICE, "--cancel");
  assert.equal((await folderSync(phone)).status, 1);

  await device("remove", "alice", DEVICE);
  assert.deepEqual(await device("list"), []);
  const missing = await runCli(["device", "show", "alice", DEVICE, "--data", folder]);
  assert.equal(missing.exitCode, 65);
  assert.match(missing.stderr, /has no device "ABC123"\nSee the devices with: rookery device list alice/);

  const probe = ["probe", "eas", urlOf(node), "alice", "--no-verify"];
  const fine = await runCli(probe, { input: `${PASSWORD}\n` });
  assert.equal(fine.exitCode, 0, fine.stderr);
  assert.match(
    fine.stdout,
    /^OK: a phone can sync \| OPTIONS=\d+ms FolderSync=\d+ms Sync=\d+ms total=\d+ms\n$/,
  );
  const slow = await runCli([...probe, "--warn", "0", "--json"], { input: `${PASSWORD}\n` });
  assert.equal(slow.exitCode, 1);
  const wrong = await runCli([...probe, "--json"], { input: "wrong\n" });
  assert.equal(wrong.exitCode, 2);
  assert.match((JSON.parse(wrong.stdout) as { message: string }).message, /OPTIONS got 401/);
});

test("eas: without its tables in PostgreSQL a node serves administration only (S2.32 to S2.38)", async (t) => {
  const missing = postgresMissing();
  if (missing !== undefined) {
    t.skip(missing);
    return;
  }
  const postgres = await Postgres.start();
  t.after(() => postgres.stop());
  const folder = temporaryFolder(t);
  const database = `activesync.database=${await postgres.createDatabase()}`;
  const schema = (word: string): ReturnType<typeof runCli> =>
    runCli(["schema", word, "--data", folder, "--set", database]);
  const settings = ["listen.https=127.0.0.1:0", database];

  const before = await schema("status");
  assert.equal(before.exitCode, 1);
  assert.match(before.stdout, /^WARN: Install required\nNo schema found/);
  const closed = await startServe(folder, settings);
  t.after(() => closed.stop());
  const probe = new EasClient({ url: urlOf(closed), user: "alice", password: "x", verifyCertificate: false });
  t.after(() => probe.close());
  assert.equal((await probe.post("FolderSync", undefined)).status, 503);
  assert.ok(
    closed.log.some((line) =>
      /"log":"CONTAINER".*Database schema not installed, starting administration services only/.test(line),
    ),
  );
  await closed.stop();

  const installed = await schema("install");
  assert.equal(
    installed.stdout,
    "Schema version 1 has been installed, please restart rookery to get the service up\n",
  );
  const after = await schema("status");
  assert.equal(after.exitCode, 0);
  assert.match(after.stdout, /^OK\nYour schema is already at the latest version: 1 updated the \d{4}-/);
  assert.match((await schema("update")).stdout, /^Nothing to do/);
  const open = await startServe(folder, settings);
  t.after(() => open.stop());
  const served = new EasClient({ url: urlOf(open), user: "alice", password: "x", verifyCertificate: false });
  t.after(() => served.close());
  assert.equal((await served.post("FolderSync", undefined)).status, 401);
});

test("eas: a node starts and serves mail while the database of the devices is away", async (t) => {
  const [port = 0] = await freePorts(1);
  const database = `activesync.database=postgres://rookery@127.0.0.1:${port}/rookery`;
  const node = await startServe(temporaryFolder(t), [
    "listen.https=127.0.0.1:0",
    "listen.http=127.0.0.1:0",
    "log.levels=CONFIGURATION=debug",
    "people.url=ldap://127.0.0.1:1",
    "people.bind_password=of-the-searcher",
    database,
  ]);
  t.after(() => node.stop());
  const phone = new EasClient({ url: urlOf(node), user: "alice", password: "x", verifyCertificate: false });
  t.after(() => phone.close());
  const refused = await phone.post("FolderSync", undefined);
  assert.equal(refused.status, 503);
  assert.equal(refused.headers["retry-after"], "30");
  const http = node.endpoint("http");
  assert.equal((await fetch(`http://${http.host}:${http.port}/health`)).status, 200);
  assert.ok(node.log.some((line) => /"level":"error".*what devices know cannot be had/.test(line)));
  // What was read of the configuration (S2.24).
  const read = node.log.filter((line) => line.includes('"log":"CONFIGURATION"'));
  assert.ok(read.some((line) => line.includes("ldap://127.0.0.1:1")));
  assert.ok(!read.some((line) => line.includes("of-the-searcher")));
});

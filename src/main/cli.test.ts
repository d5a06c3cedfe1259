/** What needs no data folder: help, usage, configuration. Commands on a node are in test/interop/up.test.ts. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { runCli } from "../../test/support/run-cli.ts";
import { SERVICES } from "./endpoint.ts";

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "rookery-cli-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("rookery --version prints the version of package.json", async () => {
  const { exitCode, stdout } = await runCli(["--version"]);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test("rookery --help names every command and how to begin; each command has examples", async () => {
  const { exitCode, stdout } = await runCli(["--help"]);
  assert.equal(exitCode, 0);
  for (const name of ["up", "serve", "user", "domain", "mailbox", "deliver", "config", "doctor"]) {
    assert.match(stdout, new RegExp(`^  ${name} `, "m"));
  }
  const add = await runCli(["user", "add", "--help"]);
  assert.equal(add.exitCode, 0);
  assert.match(add.stdout, /Examples:\n {2}\$ rookery user add alice/);
});

test("wrong usage ends with 64 and says where help is", async () => {
  const unknown = await runCli(["usr"]);
  assert.equal(unknown.exitCode, 64);
  assert.match(unknown.stderr, /unknown command 'usr'[^]*Did you mean user\?[^]*--help/);
  const port = await runCli(["up", "--port-base", "seventy"]);
  assert.equal(port.exitCode, 64);
  assert.match(port.stderr, /seventy/);
});

test("config check: all mistakes at once, with place, allowed values and exit code 78", async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "rookery.yaml");
  writeFileSync(file, "imap:\n  timeout: soon\n  tiemout: 5m\nlisten:\n  imaps: 70000\n");
  const { exitCode, stderr } = await runCli(["config", "check", "--config", file], {
    environment: { ROOKERY_NODE_ROLES: "king" },
  });
  assert.equal(exitCode, 78);
  assert.match(stderr, /imap\.timeout \(.*rookery\.yaml:2\): "soon" is refused.*expected a duration/);
  assert.match(stderr, /imap\.tiemout .*did you mean imap\.timeout\?/);
  assert.match(stderr, /listen\.imaps .*70000/);
  assert.match(stderr, /node\.roles \(environment ROOKERY_NODE_ROLES\).*king/);
  const asJson = await runCli(["config", "check", "--config", file, "--json"]);
  const { error } = JSON.parse(asJson.stderr) as { error: { code: string; messages: string[] } };
  assert.equal(error.code, "configuration_invalid");
  assert.equal(error.messages.length, 3);
  assert.equal(asJson.stdout, "");
});

test("config show: every option says where its value comes from; --set wins", async (t) => {
  const folder = temporaryFolder(t);
  const { exitCode, stdout } = await runCli(
    ["config", "show", "--data", folder, "--set", "imap.timeout=1h", "--json"],
    { environment: { ROOKERY_IMAP_TIMEOUT: "2h", ROOKERY_LMTP_TIMEOUT: "3m" } },
  );
  assert.equal(exitCode, 0);
  const options = JSON.parse(stdout) as { key: string; value: unknown; origin: string }[];
  const find = (key: string): unknown[] => {
    const option = options.find((candidate) => candidate.key === key);
    return [option?.value, option?.origin];
  };
  assert.deepEqual(find("imap.timeout"), ["1h", "command line"]);
  assert.deepEqual(find("lmtp.timeout"), ["3m", "environment ROOKERY_LMTP_TIMEOUT"]);
  assert.deepEqual(find("node.data_folder"), [folder, "command line"]);
});

test("config schema: JSON Schema with every group", async () => {
  const { stdout } = await runCli(["config", "schema"]);
  const schema = JSON.parse(stdout) as { properties: Record<string, unknown> };
  for (const group of ["node", "listen", "tls", "imap", "lmtp"]) assert.ok(group in schema.properties, group);
});

test("a command without a data folder says how to get one", async (t) => {
  const folder = join(temporaryFolder(t), "none");
  const { exitCode, stderr } = await runCli(["user", "list", "--data", folder]);
  assert.equal(exitCode, 65);
  assert.match(stderr, /there is no data folder ".*none"\n.*rookery up/);
});

test("doctor: a taken port is a failure, with advice and exit code 1", async (t) => {
  const folder = temporaryFolder(t);
  const { createServer } = await import("node:net");
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const settings = [`listen.imap=127.0.0.1:${address.port}`, "listen.lmtp=127.0.0.1:0"].concat(
    SERVICES.map(({ name }) => name)
      .filter((name) => !["imap", "lmtp", "http"].includes(name))
      .map((service) => `listen.${service}=`),
  );
  const { exitCode, stdout } = await runCli([
    "doctor",
    "--data",
    folder,
    "--set",
    "listen.http=127.0.0.1:0",
    ...settings.flatMap((setting) => ["--set", setting]),
    "--json",
  ]);
  assert.equal(exitCode, 1);
  const findings = JSON.parse(stdout) as { check: string; status: string; message: string; next?: string }[];
  const ports = findings.filter(({ check }) => check === "port");
  assert.deepEqual(
    ports.map(({ status }) => status),
    ["failure", "ok", "ok"],
  );
  assert.match(ports[0]?.next ?? "", /ss -ltnp/);
});

test("certificate make and show: names as asked for, no silent replacement", async (t) => {
  const folder = temporaryFolder(t);
  const names = ["--name", "mail.example.test", "--name", "192.0.2.1"];
  assert.equal((await runCli(["certificate", "make", "--data", folder, ...names])).exitCode, 0);
  const again = await runCli(["certificate", "make", "--data", folder]);
  assert.equal(again.exitCode, 64);
  assert.match(again.stderr, /--force/);
  const shown = await runCli(["certificate", "show", "--data", folder, "--json"]);
  const rows = JSON.parse(shown.stdout) as { names: string[] }[];
  assert.deepEqual(rows[0]?.names, ["mail.example.test"]);
});

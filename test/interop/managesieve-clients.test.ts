// sieve-connect, the ManageSieve client of Debian, against a whole node: over STARTTLS, with what it lists and is refused.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { Secret } from "../../src/base/secret.ts";
import { SieveClient, SieveFailure, SieveRefusal } from "../../src/managesieve/client.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";
import { toolOrSkip } from "../support/tool-or-skip.ts";

const folder = mkdtempSync(join(tmpdir(), "rk-"));
let node: RunningNode;

before(async () => {
  node = await startUp(join(folder, "data"), ["--password", "secret"]);
});
after(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number | null;
  readonly text: string;
}

/** Output and errors together, as a user sees them. */
async function sieveConnect(...options: string[]): Promise<Ran> {
  const { host, port } = node.endpoint("managesieve");
  const login = ["-s", host, "-p", String(port), "-u", "alice", "--notlsverify", "--passwordfd", "0"];
  const child = spawn("sieve-connect", [...login, ...options], { cwd: folder });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end("secret\n");
  const [code] = (await once(child, "close")) as [number | null];
  return { code, text: Buffer.concat(chunks).toString() };
}

async function succeeds(...options: string[]): Promise<string> {
  const { code, text } = await sieveConnect(...options);
  assert.equal(code, 0, text);
  return text;
}

test("sieve-connect uploads, activates, lists, reads and deletes", { timeout: 120_000 }, async (t) => {
  if (!toolOrSkip(t, "sieve-connect")) return;
  const script = 'require "fileinto";\r\nif header :contains "subject" "grün" { fileinto "Junk"; }\r\n';
  writeFileSync(join(folder, "main.sieve"), script);
  await succeeds("--localsieve", "main.sieve", "--upload");
  await succeeds("--localsieve", "main.sieve", "--remotesieve", "other", "--upload");
  await succeeds("--remotesieve", "main.sieve", "--activate");
  assert.match(await succeeds("--list"), /"main\.sieve" ACTIVE\s+"other"/);
  await succeeds("--remotesieve", "other", "--localsieve", "copy.sieve", "--download");
  assert.equal(
    readFileSync(join(folder, "copy.sieve"), "utf8").replaceAll("\r\n", "\n"),
    script.replaceAll("\r\n", "\n"),
  );
  // RFC 5804 §2.10: the active script cannot be deleted.
  const refused = await sieveConnect("--remotesieve", "main.sieve", "--delete");
  assert.notEqual(refused.code, 0);
  await succeeds("--deactivate");
  await succeeds("--remotesieve", "main.sieve", "--delete");
  assert.doesNotMatch(await succeeds("--list"), /main\.sieve/);
});

test("sieve-connect shows line and column of what is wrong", { timeout: 60_000 }, async (t) => {
  if (!toolOrSkip(t, "sieve-connect")) return;
  writeFileSync(join(folder, "bad.sieve"), "keep;\r\n  oops;\r\n");
  const { code, text } = await sieveConnect("--localsieve", "bad.sieve", "--checkscript");
  assert.equal(code, 1);
  assert.match(text, /Line 2, column 3: unknown command/);
});

test("SieveClient: over STARTTLS; what is refused and who does not get in", async () => {
  const { host, port } = node.endpoint("managesieve");
  const connect = (password: string, verify = false): Promise<SieveClient> =>
    SieveClient.connect(
      { host, port, tls: "starttls", verify, user: "bob", password: new Secret(password), silenceMs: 30_000 },
      { network: systemNetwork, clock: systemClock, random: systemRandom },
    );
  const client = await connect("secret");
  assert.ok(client.extensions.has("vacation") && client.extensions.has("include"));
  const name = 'a "quoted" näme';
  const script = Buffer.from("keep;\r\n# Größe\r\n");
  await client.putScript(name, script);
  await client.setActive(name);
  assert.deepEqual(await client.listScripts(), [{ name, isActive: true }]);
  assert.deepEqual(await client.findScript(name), script);
  assert.equal(await client.findScript("nothing"), undefined);
  await client.setActive("");
  assert.deepEqual(await client.listScripts(), [{ name, isActive: false }]);
  await assert.rejects(client.putScript("wrong", Buffer.from("nonsense")), SieveRefusal);
  client.close();
  await assert.rejects(client.listScripts(), SieveFailure);
  await assert.rejects(connect("guess"), SieveRefusal);
  // The certificate is one that nobody knows.
  await assert.rejects(connect("secret", true), /certificate/);
});

// Clients that people use, against a whole node: curl over POP3 with STLS and over POP3S.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { LmtpClient } from "../../src/lmtp/client.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";
import { toolOrSkip } from "../support/tool-or-skip.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "rk-"));
const BODY = "From: a@example.test\r\nSubject: by POP3\r\n\r\n.dots\r\n..\r\nend\r\n";
let node: RunningNode;

before(async () => {
  node = await startUp(join(folder, "data"), ["--password", "secret"]);
});
after(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

function curl(url: string, ...options: string[]): Promise<string> {
  return run("curl", [
    "--silent",
    "--show-error",
    "--insecure",
    "--user",
    "bob:secret",
    ...options,
    url,
  ]).then(({ stdout }) => stdout);
}

test("curl lists, reads and deletes", { timeout: 60_000 }, async (t) => {
  if (!toolOrSkip(t, "curl")) return;
  const { host: lmtpHost, port: lmtpPort } = node.endpoint("lmtp");
  const lmtp = new LmtpClient(await systemNetwork.connect({ host: lmtpHost, port: lmtpPort }));
  await lmtp.open("client.test");
  await lmtp.send({ sender: "", recipients: ["bob@example.test"], body: Buffer.from(BODY) });
  await lmtp.quit();
  const { host, port } = node.endpoint("pop3s");
  const base = `pop3s://${host}:${port}`;
  const before = (await curl(`${base}/`)).trim().split("\r\n");
  const last = before.length;
  assert.ok((await curl(`${base}/${last}`)).endsWith(BODY));
  assert.match(await curl(`${base}/`, "--request", "UIDL"), new RegExp(`^${last} \\d+\\.\\d+\r$`, "m"));
  await curl(`${base}/${last}`, "--request", "DELE", "--head");
  const clear = node.endpoint("pop3");
  const after = (await curl(`pop3://${clear.host}:${clear.port}/`, "--ssl-reqd")).trim().split("\r\n");
  assert.equal(after.length, last - 1);
});

test("curl authenticates with SCRAM and PLAIN, and is told what is wrong", { timeout: 60_000 }, async (t) => {
  if (!toolOrSkip(t, "curl")) return;
  const { host, port } = node.endpoint("pop3s");
  const url = `pop3s://${host}:${port}/`;
  assert.match(await curl(url, "--login-options", "AUTH=PLAIN"), /^1 \d+/);
  const netrc = join(folder, "netrc");
  writeFileSync(netrc, `machine ${host} login bob password wrong\n`);
  await assert.rejects(run("curl", ["--silent", "--insecure", "--netrc-file", netrc, url]), { code: 67 });
});

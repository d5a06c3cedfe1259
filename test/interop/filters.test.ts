// A whole node: a script put by ManageSieve files, redirects and answers mail that comes by LMTP; also after kill -9.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { LmtpClient } from "../../src/lmtp/client.ts";
import { ManagesieveTalk } from "../support/managesieve-talk.ts";
import { runCli } from "../support/run-cli.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";
import { SmtpSink } from "../support/smtp-sink.ts";

const SCRIPT =
  'require ["fileinto", "mailbox", "vacation"]; if header :contains "subject" "list" { fileinto :create "Lists/New"; stop; } ' +
  'if header :contains "subject" "forward" { redirect "carol@remote.test"; stop; } vacation "away";';

async function putScript(node: RunningNode): Promise<void> {
  const talk = await ManagesieveTalk.login(node.endpoint("managesieve"), "alice", "secret");
  assert.match(await talk.say('PUTSCRIPT "bad" "oops;"'), /^NO "Line 1, column 1/);
  assert.match(await talk.putScript("main", SCRIPT), /^OK/);
  assert.match(await talk.say('SETACTIVE "main"'), /^OK/);
  assert.match(await talk.say("LOGOUT"), /^OK/);
}

async function deliver(node: RunningNode, subject: string): Promise<void> {
  const { host, port } = node.endpoint("lmtp");
  const lmtp = new LmtpClient(await systemNetwork.connect({ host, port }));
  await lmtp.open("client.test");
  const body = Buffer.from(
    `From: bob@remote.test\r\nTo: alice@example.test\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@remote.test>\r\n\r\nhi\r\n`,
  );
  const { accepted } = await lmtp.send({
    sender: "bob@remote.test",
    recipients: ["alice@example.test"],
    body,
  });
  assert.equal(accepted, 1);
  await lmtp.quit();
}

test("scripts file, redirect and answer; accepted mail survives kill -9", { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rk-"));
  const data = join(folder, "data");
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const sink = new SmtpSink();
  let arrived = (): void => {};
  const listener = await systemNetwork.listen({
    host: "127.0.0.1",
    port: 0,
    onConnection: (connection) => sink.serve(connection, "smart.test"),
  });
  t.after(() => listener.close());
  const settings = ["--set", `queue.smart_host=127.0.0.1:${listener.port}`];
  // Nothing is taken before the node was killed.
  sink.answer = (command) => (command === "RCPT" ? "451 4.2.0 later" : undefined);

  const first = await startUp(data, ["--password", "secret", ...settings]);
  await putScript(first);
  await deliver(first, "list");
  await deliver(first, "forward");
  await deliver(first, "hello");
  first.child.kill("SIGKILL");
  await new Promise((resolve) => first.child.once("exit", resolve));

  const waiting = JSON.parse((await runCli(["queue", "list", "--data", data, "--json"])).stdout) as {
    to: string;
    kind: string;
  }[];
  assert.deepEqual(
    waiting.map(({ kind, to }) => `${kind} ${to}`),
    ["redirect carol@remote.test", "vacation bob@remote.test"],
  );

  const both = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let count = 0;
  sink.answer = (command) => {
    if (command === "data end" && ++count === 2) setImmediate(arrived);
    return undefined;
  };
  const second = await startUp(data, settings);
  try {
    // Another mail of the same sender, and the same one again: neither is answered or redirected a second time.
    await deliver(second, "again");
    await deliver(second, "forward");
    assert.equal((await runCli(["queue", "retry", "--data", data])).exitCode, 0);
    await both;
  } finally {
    await second.stop();
  }
  assert.deepEqual(sink.mails.map(({ recipient }) => recipient).sort(), [
    "bob@remote.test",
    "carol@remote.test",
  ]);
  const left = JSON.parse((await runCli(["queue", "list", "--data", data, "--json"])).stdout) as unknown[];
  assert.deepEqual(left, []);
});

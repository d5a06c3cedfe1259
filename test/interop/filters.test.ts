// A whole node: a script put by ManageSieve files, redirects and answers mail that comes by LMTP; also after kill -9.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Connection } from "../../src/base/io/network.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { LmtpClient } from "../../src/lmtp/client.ts";
import { runCli } from "../support/run-cli.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";
import { SmtpSink } from "../support/smtp-sink.ts";

const SCRIPT =
  'require ["fileinto", "mailbox", "vacation"]; if header :contains "subject" "list" { fileinto :create "Lists/New"; stop; } ' +
  'if header :contains "subject" "forward" { redirect "carol@remote.test"; stop; } vacation "away";';

/** Sends lines and waits for the end of each answer. */
class ManagesieveTalk {
  readonly #connection: Connection;
  #text = "";
  #waiter: (() => void) | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.onData((chunk) => {
      this.#text += chunk.toString("utf8");
      this.#waiter?.();
    });
    connection.onClose(() => this.#waiter?.());
  }

  async say(line: string): Promise<string> {
    if (line !== "") this.#connection.write(`${line}\r\n`);
    for (;;) {
      const answer = /^(?:[^]*?\n)?((?:OK|NO|BYE)[^\n]*\r\n)/.exec(this.#text);
      if (answer !== null) {
        this.#text = this.#text.slice(answer[0].length);
        return answer[1] ?? "";
      }
      await new Promise<void>((resolve) => {
        this.#waiter = resolve;
      });
    }
  }
}

async function putScript(node: RunningNode): Promise<void> {
  const { host, port } = node.endpoint("managesieve");
  const connection = await systemNetwork.connect({ host, port, tls: { verify: false } });
  const talk = new ManagesieveTalk(connection);
  assert.match(await talk.say(""), /^OK/);
  assert.match(await talk.say("STARTTLS"), /^OK/);
  await connection.startTls();
  assert.match(await talk.say(""), /^OK/);
  const response = Buffer.from("\0alice\0secret").toString("base64");
  assert.match(await talk.say(`AUTHENTICATE "PLAIN" "${response}"`), /^OK/);
  assert.match(await talk.say('PUTSCRIPT "bad" "oops;"'), /^NO "Line 1, column 1/);
  assert.match(await talk.say(`PUTSCRIPT "main" {${SCRIPT.length}+}\r\n${SCRIPT}`), /^OK/);
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

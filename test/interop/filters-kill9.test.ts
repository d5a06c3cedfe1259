// kill -9 in the middle of a stream of mail for a user whose script files and redirects: the sending host tries all of it
// again that was not answered for, and then everything is filed once and redirected once.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { LmtpClient } from "../../src/lmtp/client.ts";
import { talk } from "../support/imap-peer.ts";
import { ManagesieveTalk } from "../support/managesieve-talk.ts";
import { runCli } from "../support/run-cli.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";

const SCRIPT =
  'require ["fileinto", "copy"]; if header :contains "subject" "both" { redirect :copy "carol@remote.test"; } fileinto "Junk";';
const MESSAGES = 40;
const CONNECTIONS = 4;
/** Answers after which the node is killed: some deliveries are then somewhere between. */
const KILLS = [7, 13];

function message(number: number): Buffer {
  const subject = number % 2 === 0 ? "both" : "file";
  return Buffer.from(
    `From: bob@remote.test\r\nSubject: ${subject}\r\nMessage-ID: <k${number}@remote.test>\r\nX-Case: ${number}\r\n\r\nhi\r\n`,
  );
}

/** Sends what was not answered for; calls `answered` after each. Ends when all is done or the node is gone. */
async function send(node: RunningNode, open: Set<number>, answered: () => void): Promise<void> {
  const { host, port } = node.endpoint("lmtp");
  const numbers = [...open].values();
  const work = async (): Promise<void> => {
    const client = new LmtpClient(await systemNetwork.connect({ host, port }));
    await client.open("client.test");
    for (const number of numbers) {
      const { accepted } = await client.send({
        sender: "bob@remote.test",
        recipients: ["alice@example.test"],
        body: message(number),
      });
      assert.equal(accepted, 1);
      open.delete(number);
      answered();
    }
    await client.quit();
  };
  await Promise.allSettled(Array.from({ length: CONNECTIONS }, work));
}

test("Mail that a script files and redirects survives kill -9 once", { timeout: 180_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rk-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, "data");
  // Nobody listens there, so the queue keeps what it has.
  const settings = ["--set", "queue.smart_host=127.0.0.1:1", "--set", "directory.allowplaintext=true"];
  const open = new Set(Array.from({ length: MESSAGES }, (_, number) => number));
  let node = await startUp(data, ["--password", "secret", ...settings]);
  const sieve = await ManagesieveTalk.login(node.endpoint("managesieve"), "alice", "secret");
  assert.match(await sieve.putScript("main", SCRIPT), /^OK/);
  assert.match(await sieve.say('SETACTIVE "main"'), /^OK/);
  await sieve.say("LOGOUT");
  for (const kill of KILLS) {
    let left = kill;
    await send(node, open, () => {
      if (--left === 0) node.child.kill("SIGKILL");
    });
    if (node.child.signalCode === null) await once(node.child, "exit");
    assert.ok(open.size > 0 && open.size < MESSAGES, `${open.size} without an answer`);
    node = await startUp(data, settings);
  }
  await send(node, open, () => undefined);
  assert.equal(open.size, 0);
  // The sending host may also not have heard the answer to what was filed.
  await send(node, new Set([0, 1]), () => undefined);
  const answer = await talk(
    node.endpoint("imap"),
    ["alice", "secret"],
    ['EXAMINE "Junk"', "FETCH 1:* BODY.PEEK[HEADER.FIELDS (X-Case)]"],
  );
  await node.stop();
  const filed = [...answer.matchAll(/X-Case: (\d+)/g)].map(([, number]) => Number(number));
  assert.deepEqual(
    filed.sort((a, b) => a - b),
    Array.from({ length: MESSAGES }, (_, number) => number),
  );
  const waiting = JSON.parse((await runCli(["queue", "list", "--data", data, "--json"])).stdout) as unknown[];
  assert.equal(waiting.length, MESSAGES / 2);
});

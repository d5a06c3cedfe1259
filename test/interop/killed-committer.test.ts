/**
 * The committer's thread is ended in the middle of a batch, under LMTP load: whoever waits is refused for the moment,
 * the node says so and ends with the code that makes an init system start it again, and every message that was
 * acknowledged is there.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOf, fetchAll, imapTo, lmtpTo } from "../support/node-clients.ts";
import { runCli } from "../support/run-cli.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";

const KILLS = process.env["ROOKERY_LONG"] === "1" ? 40 : 2;
const WRITERS = 8;
const PASSWORD = "secret";
/** Of sysexits.h: not now. */
const EX_TEMPFAIL = 75;

interface Seen {
  readonly acknowledged: Set<number>;
  refused: number;
  sent: number;
}

async function deliverUntilGone(node: RunningNode, seen: Seen): Promise<void> {
  try {
    const lmtp = await lmtpTo(node);
    for (;;) {
      const number = ++seen.sent;
      const body = Buffer.from(`Subject: n${number}\r\n\r\n${`${number} `.repeat(200)}\r\n`);
      const recipients = ["alice@example.test"];
      const { accepted } = await lmtp.send({ sender: "s@example.org", recipients, body });
      if (accepted === 1) seen.acknowledged.add(number);
      else seen.refused++;
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}

test(`a committer killed ${KILLS} times amid deliveries costs nobody a message`, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-killed-committer-"));
  const data = join(folder, "data");
  const seen: Seen = { acknowledged: new Set(), refused: 0, sent: 0 };
  let node: RunningNode | undefined;
  t.after(async () => {
    await node?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await (await startUp(data, ["--password", PASSWORD])).stop();
  for (let kill = 0; kill < KILLS; kill++) {
    const preload = new URL(`../support/kill-committer.ts?batch=${40 + 17 * kill}`, import.meta.url);
    const running = (node = await startUp(data, [], [`--import=${preload.href}`]));
    const gone = once(running.child, "exit");
    await Promise.all([...Array.from({ length: WRITERS }, () => deliverUntilGone(running, seen)), gone]);
    assert.equal(running.child.exitCode, EX_TEMPFAIL, running.log.join("\n"));
    assert.ok(running.log.some((line) => line.includes("the store cannot write any more")));
    const check = await runCli(["check", "--data", data, "--json"]);
    assert.equal(check.exitCode, 0, `check after kill ${kill + 1}:\n${check.stdout}${check.stderr}`);
  }
  const again = (node = await startUp(data));
  const imap = await imapTo(again, "alice", PASSWORD);
  await imap.command("EXAMINE INBOX");
  const found = new Set<number>();
  for (const message of (await fetchAll(imap, "BODY.PEEK[]")).values()) {
    found.add(Number(/^Subject: n(\d+)\r$/m.exec(bytesOf(message).toString())?.[1]));
  }
  await imap.command("LOGOUT");
  assert.ok(seen.acknowledged.size > KILLS * 10, `${seen.acknowledged.size} acknowledged`);
  for (const number of seen.acknowledged) assert.ok(found.has(number), `${number} was acknowledged, is gone`);
  t.diagnostic(`${seen.acknowledged.size} acknowledged, ${seen.refused} refused at the end`);
});

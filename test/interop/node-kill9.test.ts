/**
 * SIGKILL for a whole node under LMTP load, again and again on the same data folder: every acknowledged message is
 * there byte-identical, `rookery check` finds nothing, and what IMAP said of UIDs and modseqs never comes back.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOf, fetchAll, imapTo, lmtpTo } from "../support/node-clients.ts";
import { runCli } from "../support/run-cli.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";
import { SimRandom } from "../sim/sim-random.ts";

const KILLS = process.env["ROOKERY_LONG"] === "1" ? 50 : 5;
const WRITERS = 8;
const MAX_ACKS_PER_RUN = 150;
const PASSWORD = "secret";
const USERS = ["alice", "bob"];

/** What a user was told, by any session of any run. */
class Told {
  uidNext = 0;
  highestModseq = 0;
  /** UID → GUID of the message, with its modseq. */
  readonly messages = new Map<number, { readonly guid: string; readonly modseq: number }>();
}

function messageOf(number: number): Buffer {
  const filling = `${number} `.repeat(1 + ((number * 37) % 900));
  return Buffer.from(`From: s@example.org\r\nSubject: n${number}\r\n\r\n${filling}\r\n`);
}

/** Delivers to both users until the node is gone; pushes what was acknowledged. */
async function deliverUntilKilled(node: RunningNode, next: () => number, acknowledged: (n: number) => void) {
  try {
    const lmtp = await lmtpTo(node);
    for (;;) {
      const number = next();
      const recipients = USERS.map((user) => `${user}@example.test`);
      const result = await lmtp.send({ sender: "s@example.org", recipients, body: messageOf(number) });
      assert.equal(result.accepted, USERS.length);
      acknowledged(number);
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}

/** Asks for what IMAP tells of the mailbox until the node is gone. */
async function watchUntilKilled(node: RunningNode, user: string, told: Told): Promise<void> {
  try {
    const imap = await imapTo(node, user, PASSWORD);
    for (;;) {
      const { untagged } = await imap.command("STATUS INBOX (UIDNEXT HIGHESTMODSEQ)");
      for (const response of untagged.filter(({ name }) => name === "STATUS")) {
        noteStatus(told, response.arguments().rest());
      }
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}

function noteStatus(told: Told, text: string): void {
  const [uidNext, highestModseq] = ["UIDNEXT", "HIGHESTMODSEQ"].map((name) =>
    Number(new RegExp(`${name} (\\d+)`).exec(text)?.[1]),
  );
  assert.ok(uidNext !== undefined && highestModseq !== undefined && uidNext > 0, text);
  assert.ok(uidNext >= told.uidNext, `UIDNEXT ${uidNext} after ${told.uidNext}`);
  assert.ok(
    highestModseq >= told.highestModseq,
    `HIGHESTMODSEQ ${highestModseq} after ${told.highestModseq}`,
  );
  told.uidNext = uidNext;
  told.highestModseq = highestModseq;
}

async function verify(node: RunningNode, user: string, told: Told, acknowledged: ReadonlySet<number>) {
  const imap = await imapTo(node, user, PASSWORD);
  const status = await imap.command("STATUS INBOX (UIDNEXT HIGHESTMODSEQ)");
  noteStatus(told, status.untagged[0]?.arguments().rest() ?? "");
  await imap.command("EXAMINE INBOX");
  const found = new Set<number>();
  const messages = await fetchAll(imap, "EMAILID MODSEQ BODY.PEEK[]");
  for (const [uid, message] of messages) {
    const [guid, modseq] = [String(message.get("EMAILID")), Number(message.get("MODSEQ"))];
    const before = told.messages.get(uid);
    if (before !== undefined)
      assert.deepEqual({ guid, modseq }, before, `${user}: UID ${uid} is another message`);
    told.messages.set(uid, { guid, modseq });
    const body = bytesOf(message);
    const number = Number(/^Subject: n(\d+)\r$/m.exec(body.toString())?.[1]);
    if (Number.isNaN(number)) continue;
    const sent = messageOf(number);
    assert.ok(body.subarray(body.length - sent.length).equals(sent), `${user}: other bytes for ${number}`);
    assert.ok(!found.has(number), `${user}: ${number} came twice`);
    found.add(number);
  }
  for (const uid of told.messages.keys()) assert.ok(messages.has(uid), `${user}: UID ${uid} is gone`);
  for (const number of acknowledged)
    assert.ok(found.has(number), `${user}: ${number} was acknowledged, is gone`);
  await imap.command("LOGOUT");
}

test(`a node under delivery load survives ${KILLS} kills`, { timeout: 1_800_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-node-kill9-"));
  const data = join(folder, "data");
  const random = new SimRandom(11);
  const acknowledged = new Set<number>();
  const told = new Map(USERS.map((user) => [user, new Told()]));
  let count = 0;
  let node: RunningNode | undefined;
  t.after(async () => {
    await node?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  for (let kill = 0; kill <= KILLS; kill += 1) {
    const running = (node = await startUp(data, ["--password", PASSWORD]));
    for (const user of USERS) await verify(running, user, told.get(user) ?? new Told(), acknowledged);
    if (kill === KILLS) break;
    const enough = acknowledged.size + 1 + random.below(MAX_ACKS_PER_RUN);
    const gone = once(running.child, "exit");
    const acknowledge = (number: number): void => {
      acknowledged.add(number);
      if (acknowledged.size >= enough) running.child.kill("SIGKILL");
    };
    const watchers = USERS.map((user) => watchUntilKilled(running, user, told.get(user) ?? new Told()));
    const writers = Array.from({ length: WRITERS }, () =>
      deliverUntilKilled(running, () => ++count, acknowledge),
    );
    await Promise.all([...writers, ...watchers, gone]);
    assert.equal(running.child.signalCode, "SIGKILL", "the node ended by itself");
    const check = await runCli(["check", "--data", data, "--json"]);
    assert.equal(check.exitCode, 0, `check after kill ${kill + 1}:\n${check.stdout}${check.stderr}`);
  }
  t.diagnostic(`${acknowledged.size} acknowledged messages for each of ${USERS.length} users`);
});

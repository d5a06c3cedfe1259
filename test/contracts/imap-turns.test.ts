/**
 * Long commands give way: another session is answered while they work. The clock moves a millisecond whenever it is
 * asked, so a turn is a number of questions and not a time.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ImapServer } from "../../src/imap/server.ts";
import type { MailboxId } from "../../src/store/model.ts";
import { ImapHost } from "../support/imap-host.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { PipePeer } from "../support/pipe-peer.ts";
import { PipeEnd, TEST_TLS } from "../support/pipe.ts";

const MESSAGES = 20_000;
const BATCH = 500;
/** Of the other session while the long command works. */
const MOST_PROBES = 1000;

let host: ImapHost;
let server: ImapServer;
let busy: PipePeer;
let other: PipePeer;
let inbox: MailboxId;

before(async () => {
  host = new ImapHost(await openInlineStore());
  (await host.connect("A")).connection.end();
  inbox = host.store.mailboxes.get("user.alice").id;
  for (let from = 0; from < MESSAGES; from += BATCH) {
    const messages = Array.from({ length: BATCH }, (_, i) => ({
      body: host.store.stageBuffer(
        Buffer.from(`Subject: ${(from + i) * 7919}\r\nMessage-ID: <${from + i}@x>\r\n\r\n${from + i}\r\n`),
      ),
      systemFlags: 0,
      keywords: [],
    }));
    await host.store.append(inbox, messages, { userId: "alice", sessionId: 0 });
  }
  let askedMs = 0;
  const clock = {
    nowMs: () => host.clock.nowMs(),
    monotonicMs: () => ++askedMs,
    setTimer: () => ({ cancel: () => {} }),
  };
  server = new ImapServer({ ...host.services, clock });
  busy = await login();
  other = await login();
  await run(busy, "SELECT INBOX");
});

after(async () => {
  server.close();
  await host.close();
});

async function login(): Promise<PipePeer> {
  const [end, client] = PipeEnd.pair(TEST_TLS);
  const peer = new PipePeer(client);
  server.accept(end);
  await run(peer, "LOGIN alice secret");
  return peer;
}

let tag = 0;

/** Lines of the answer; its last one is the tagged one. */
async function run(peer: PipePeer, command: string): Promise<string[]> {
  const mine = `t${++tag}`;
  peer.send(Buffer.from(`${mine} ${command}\r\n`));
  const lines: string[] = [];
  for (;;) {
    const line = await peer.line();
    assert(line !== undefined, `${command}: the connection ended`);
    lines.push(line);
    if (line.startsWith(`${mine} `)) {
      assert.match(line, / OK /, command);
      return lines;
    }
  }
}

/** How often the other session is answered while the busy one works on `command`. */
async function probesDuring(command: string): Promise<{ probes: number; lines: string[] }> {
  const done = new AbortController();
  const working = run(busy, command).finally(() => done.abort());
  let probes = 0;
  for (; !done.signal.aborted && probes < MOST_PROBES; probes++) await run(other, "NOOP");
  return { probes, lines: await working };
}

const ROWS: readonly { readonly command: string; readonly least: number; readonly lines?: number }[] = [
  { command: "FETCH 1:* (UID ENVELOPE)", least: 20, lines: MESSAGES },
  { command: "FETCH 1:* (FLAGS)", least: 20, lines: MESSAGES },
  { command: "SEARCH UNSEEN", least: 4 },
  { command: 'SEARCH SUBJECT "79"', least: 4 },
  { command: "SORT (SUBJECT) UTF-8 ALL", least: 4 },
  { command: "THREAD REFERENCES UTF-8 ALL", least: 4 },
  { command: "STORE 1:* +FLAGS (\\Flagged)", least: 20, lines: MESSAGES },
];

for (const { command, least, lines } of ROWS) {
  test(`${command}: other sessions are answered meanwhile`, async () => {
    const { probes, lines: told } = await probesDuring(command);
    assert.ok(probes >= least, `${probes} answers`);
    if (lines !== undefined) assert.equal(told.length - 1, lines);
  });
}

test("STORE of many: goes to the committer in pieces, of which the client hears nothing more", async () => {
  const modseq = (): number => host.store.mailboxes.byId(inbox)?.highestModseq ?? 0;
  const before = modseq();
  assert.equal((await run(busy, "STORE 1:* -FLAGS.SILENT (\\Flagged)")).length, 1);
  assert.ok(modseq() - before > 1);
  assert.equal((await run(busy, "NOOP")).length, 1);
});

test("Flags that another session changed: told in turns, each once", async () => {
  await host.store.storeFlags(
    inbox,
    Array.from({ length: MESSAGES }, (_, i) => i + 1) as never[],
    { mode: "add", systemFlags: 4, keywords: ["news"] },
    { userId: "alice", sessionId: 0 },
  );
  const { probes, lines } = await probesDuring("NOOP");
  assert.ok(probes >= 5, `${probes} answers`);
  const fetches = lines.filter((line) => line.includes(" FETCH ("));
  assert.equal(new Set(fetches).size, MESSAGES);
  assert.equal((await run(busy, "NOOP")).length, 1);
});

test("VANISHED of many: told in turns, in one line", async () => {
  await run(busy, "ENABLE QRESYNC");
  const odd = Array.from({ length: MESSAGES / 2 }, (_, i) => 2 * i + 1) as never[];
  await host.store.expunge(inbox, odd, { onlyDeleted: false }, { userId: "alice", sessionId: 0 });
  const { probes, lines } = await probesDuring("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)");
  assert.ok(probes >= 4, `${probes} answers`);
  const vanished = lines.filter((line) => line.startsWith("* VANISHED (EARLIER) "));
  assert.equal(vanished.length, 1);
  assert.equal(vanished[0]!.split(" ").at(-1)!.split(",").length, MESSAGES / 2);
});

test("EXPUNGE of many: told in turns, each once", async () => {
  const left = host.store.mailboxes.byId(inbox)?.exists ?? 0;
  await run(other, "SELECT INBOX");
  await run(other, "STORE 1:* +FLAGS.SILENT (\\Deleted)");
  const expunging = run(other, "EXPUNGE");
  let probes = 0;
  const probing = run(busy, "NOOP").then(() => probes++);
  const lines = await expunging;
  await probing;
  assert.equal(lines.filter((line) => line.endsWith(" EXPUNGE")).length, left);
  assert.equal(probes, 1);
});

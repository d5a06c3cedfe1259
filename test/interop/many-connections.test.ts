/** Many clients on one node: idle ones that all hear of new mail, and ones that ask for much and read nothing. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Connection } from "../../src/base/io/network.ts";
import type { ImapClient } from "../../src/imap/client.ts";
import { connectTo, imapTo, lmtpTo } from "../support/node-clients.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";

const IDLE_CONNECTIONS = process.env["ROOKERY_LONG"] === "1" ? 5000 : 500;
/** Handshakes at a time: more only wait in the listen queue. */
const CONNECTING = 50;
/** With TLS on, most of it OpenSSL's and Node's own; measured 121 kB. */
const MAX_BYTES_PER_IDLE_CONNECTION = 200_000;
const SLOW_READERS = 20;
const SLOW_MESSAGE_BYTES = 4_000_000;
const FETCHES_PER_SLOW_READER = 40;
/**
 * They ask for 3.2 GB. A session may hold the one message that it is sending and what TLS has encrypted of it, but not the
 * next ones; measured 115 MB.
 */
const MAX_SLOW_READERS_BYTES = SLOW_READERS * SLOW_MESSAGE_BYTES * 2;
const PASSWORD = "secret";

const folder = mkdtempSync(join(tmpdir(), "rookery-many-"));
let node: RunningNode;

before(async () => {
  node = await startUp(join(folder, "data"), ["--password", PASSWORD]);
});
after(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

function residentBytes(): number {
  const status = readFileSync(`/proc/${node.child.pid}/status`, "latin1");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Logged in and idling in INBOX; `exists` resolves at the next EXISTS. */
async function idle(): Promise<{ client: ImapClient; exists: Promise<void>; ended: Promise<unknown> }> {
  const client = await imapTo(node, "alice", PASSWORD);
  await client.command("SELECT INBOX");
  const exists = new Promise<void>((resolve) => {
    client.onUntagged(({ name }) => {
      if (name === "EXISTS") resolve();
    });
  });
  let ended: Promise<unknown> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    ended = client.command("IDLE", () => resolve());
    ended.catch(reject);
  });
  return { client, exists, ended };
}

test(`${IDLE_CONNECTIONS} idle connections all hear of one message`, { timeout: 600_000 }, async (t) => {
  const idlers: Awaited<ReturnType<typeof idle>>[] = [];
  t.after(() => {
    for (const { client } of idlers) client.close();
  });
  const bytesBefore = residentBytes();
  let left = IDLE_CONNECTIONS;
  const connect = async (): Promise<void> => {
    while (left-- > 0) idlers.push(await idle());
  };
  await Promise.all(Array.from({ length: CONNECTING }, connect));
  const bytesEach = Math.round((residentBytes() - bytesBefore) / IDLE_CONNECTIONS);
  t.diagnostic(`${bytesEach} bytes of memory for each idle connection`);
  assert.ok(bytesEach < MAX_BYTES_PER_IDLE_CONNECTION, `${bytesEach} bytes for each connection`);

  const lmtp = await lmtpTo(node);
  const startedMs = performance.now();
  const body = Buffer.from("Subject: for all\r\n\r\nHello.\r\n");
  const sent = await lmtp.send({ sender: "", recipients: ["alice@example.test"], body });
  assert.equal(sent.accepted, 1);
  await Promise.all(idlers.map(({ exists }) => exists));
  t.diagnostic(`all of them knew of it after ${Math.round(performance.now() - startedMs)} ms`);
  await lmtp.quit();

  for (const { client } of idlers) client.line("DONE");
  const endings = await Promise.all(idlers.map(({ ended }) => ended));
  assert.ok(endings.every((result) => (result as { status: string }).status === "OK"));
});

/** Reads nothing behind the answers to LOGIN and SELECT until `goOn`. */
async function slowReader(): Promise<{ connection: Connection; goOn(): Promise<number> }> {
  const connection = await connectTo(node, "imaps");
  let receivedBytes = 0;
  let tail = "";
  let wake: (() => void) | undefined;
  connection.onData((chunk) => {
    receivedBytes += chunk.length;
    tail = (tail + chunk.toString("latin1")).slice(-200);
    wake?.();
  });
  connection.onClose(() => wake?.());
  const until = async (text: string): Promise<void> => {
    while (!tail.includes(text)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  connection.write(`a LOGIN bob ${PASSWORD}\r\nb EXAMINE Slow\r\n`);
  await until("\r\nb OK");
  connection.pause();
  receivedBytes = 0;
  const fetches = Array.from({ length: FETCHES_PER_SLOW_READER }, (_, n) => `f${n} FETCH 1 BODY.PEEK[]\r\n`);
  connection.write(fetches.join(""));
  return {
    connection,
    async goOn() {
      connection.resume();
      await until(`\r\nf${FETCHES_PER_SLOW_READER - 1} OK`);
      return receivedBytes;
    },
  };
}

test("readers that do not read are not read for", { timeout: 300_000 }, async (t) => {
  const writer = await imapTo(node, "bob", PASSWORD);
  await writer.command("CREATE Slow");
  const appended = await writer.command([
    "APPEND Slow ",
    Buffer.alloc(SLOW_MESSAGE_BYTES, "slow reader\r\n"),
  ]);
  assert.equal(appended.status, "OK", appended.text);
  const readers: Awaited<ReturnType<typeof slowReader>>[] = [];
  t.after(() => {
    for (const { connection } of readers) connection.destroy();
  });
  const bytesBefore = residentBytes();
  for (let count = 0; count < SLOW_READERS; count += 1) readers.push(await slowReader());
  // The node answers others in between: it has taken all that the slow ones asked for.
  let mostBytes = 0;
  for (let round = 0; round < 200; round += 1) {
    const { status } = await writer.command("STATUS Slow (MESSAGES)");
    assert.equal(status, "OK");
    mostBytes = Math.max(mostBytes, residentBytes());
  }
  t.diagnostic(
    `${Math.round((mostBytes - bytesBefore) / 1e6)} MB of memory more for ${SLOW_READERS} slow readers`,
  );
  assert.ok(mostBytes - bytesBefore < MAX_SLOW_READERS_BYTES, `${mostBytes - bytesBefore} bytes more`);
  const received = await readers[0]?.goOn();
  assert.ok(
    (received ?? 0) > FETCHES_PER_SLOW_READER * SLOW_MESSAGE_BYTES,
    "a slow reader gets everything in the end",
  );
  writer.close();
});

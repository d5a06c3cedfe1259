/**
 * Real and malformed messages through the whole node: what went in comes out byte by byte, and what the node says about
 * a message it says again, also after a restart, in words that our codec and imapflow can read.
 *
 * The rule for octets: a literal of APPEND takes every octet but NUL (RFC 9051 §9 CHAR8), so messages with NUL go as
 * literal8 (RFC 3516 §4.4); bare CR and LF are content and stay as they are. LMTP takes all of them with BDAT and
 * BINARYMIME (RFC 3030); delivery puts its trace fields in front and changes nothing behind them.
 *
 * ROOKERY_CORPUS names a folder with more messages.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ImapFlow } from "imapflow";
import { bytesOf, type FetchedMessage, fetchAll, imapTo, lmtpTo } from "../support/node-clients.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";

const PASSWORD = "secret";
const NUL = 0;
/** Some samples share their Message-ID. */
const EVERY_COPY = ["--set", "delivery.duplicate_suppression=no"];
const DESCRIPTION = "ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE INTERNALDATE EMAILID PREVIEW";

interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
}

const OWN_SAMPLES: readonly Sample[] = [
  ["NUL in the header", "Subject: a\0b\r\n\r\nbody\r\n"],
  ["NUL in the body", "Subject: a\r\n\r\n\0\r\n\0"],
  ["bare LF", "From: a@b\nSubject: unix\n\nbody\n"],
  ["bare CR", "From: a@b\rSubject: mac\r\rbody\r"],
  ["mixed line ends", "A: 1\r\nB: 2\nC: 3\r\n\nbody\r\n\r.\r\n..\n"],
  ["no header", "\r\nbody"],
  ["no body", "Subject: nothing follows"],
  ["only a line end", "\r\n"],
  ["one octet", "x"],
  ["every octet", Buffer.from(Array.from({ length: 256 }, (_, octet) => octet)).toString("latin1")],
  ["boundary that never comes", "Content-Type: multipart/mixed; boundary=b\r\n\r\ntext\r\n"],
  ["part that never ends", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext"],
  ["octets above 127 in the header", "Subject: \xff\xfe \xe4\r\nFrom: \xfc <\xe4@\xf6>\r\n\r\nbody\r\n"],
  ["line of 100,000 octets", `Subject: ${"x".repeat(100_000)}\r\n\r\n${"y".repeat(100_000)}`],
].map(([name = "", text = ""]) => ({ name, bytes: Buffer.from(text, "latin1") }));

function samples(): Sample[] {
  const folder = process.env["ROOKERY_CORPUS"];
  if (folder === undefined || folder === "") return [...OWN_SAMPLES];
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const found = paths.map((path) => ({ name: path, bytes: readFileSync(path) }));
  // An empty literal ends an APPEND without a message, so an empty file is none.
  return [...OWN_SAMPLES, ...found.filter(({ bytes }) => bytes.length > 0)];
}

/** Everything that a session is told about the mailbox's messages, bodies included. */
async function readMailbox(
  node: RunningNode,
  user: string,
  mailbox: string,
): Promise<Map<number, FetchedMessage>> {
  const client = await imapTo(node, user, PASSWORD);
  const { status, text } = await client.command(`EXAMINE ${mailbox}`);
  assert.equal(status, "OK", text);
  const messages = await fetchAll(client, `${DESCRIPTION} BODY.PEEK[]`);
  await client.command("LOGOUT");
  return messages;
}

async function appendAll(node: RunningNode, mailbox: string, all: readonly Sample[]): Promise<number[]> {
  const client = await imapTo(node, "alice", PASSWORD);
  await client.command(`CREATE ${mailbox}`);
  const uids: number[] = [];
  for (const { name, bytes } of all) {
    const literal8 = bytes.includes(NUL) ? "~" : "";
    const { status, code = "", text } = await client.command([`APPEND ${mailbox} ${literal8}`, bytes]);
    assert.equal(status, "OK", `${name}: ${text}`);
    uids.push(Number(/^APPENDUID \d+ (\d+)$/.exec(code)?.[1]));
  }
  await client.command("LOGOUT");
  return uids;
}

async function start(t: TestContext, folder: string): Promise<RunningNode> {
  const node = await startUp(folder, ["--password", PASSWORD, ...EVERY_COPY]);
  t.after(() => node.stop());
  return node;
}

test(
  "messages of every kind come out as they went in, and are described alike forever",
  { timeout: 240_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "rookery-corpus-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const all = samples();
    const node = await start(t, join(folder, "data"));
    const uids = await appendAll(node, "Corpus", all);
    const first = await readMailbox(node, "alice", "Corpus");

    await t.test("APPEND keeps every octet", () => {
      assert.equal(first.size, all.length);
      for (const [index, { name, bytes }] of all.entries()) {
        const message = first.get(uids[index] ?? 0);
        assert.ok(bytesOf(message).equals(bytes), `${name}: other bytes`);
        assert.equal(message?.get("RFC822.SIZE"), String(bytes.length), name);
        assert.ok(Array.isArray(message.get("ENVELOPE")), `${name}: no envelope`);
        assert.ok(Array.isArray(message.get("BODYSTRUCTURE")), `${name}: no body structure`);
      }
    });

    await t.test("imapflow reads the same", async () => {
      const imap = new ImapFlow({
        ...node.endpoint("imaps"),
        secure: true,
        auth: { user: "alice", pass: PASSWORD },
        tls: { rejectUnauthorized: false },
        logger: false,
      });
      await imap.connect();
      try {
        await imap.mailboxOpen("Corpus", { readOnly: true });
        let count = 0;
        for await (const message of imap.fetch("1:*", {
          uid: true,
          envelope: true,
          bodyStructure: true,
          source: true,
        })) {
          const sample = all[uids.indexOf(message.uid)];
          assert.ok(
            sample !== undefined && message.envelope !== undefined && message.bodyStructure !== undefined,
          );
          assert.ok(message.source?.equals(sample.bytes), `${sample.name}: other bytes for imapflow`);
          count += 1;
        }
        assert.equal(count, all.length);
      } finally {
        await imap.logout();
      }
    });

    await t.test("LMTP with BDAT keeps every octet behind the trace fields", async () => {
      const lmtp = await lmtpTo(node);
      for (const { name, bytes } of all) {
        const { recipients } = await lmtp.send({
          sender: "s@example.org",
          recipients: ["bob+Corpus@example.test"],
          body: bytes,
          chunked: true,
        });
        assert.match(String(recipients[0]?.code), /^250$/, `${name}: ${recipients[0]?.lines.join(" / ")}`);
      }
      await lmtp.quit();
    });

    await t.test("the second read is equal", async () => {
      assert.deepEqual(await readMailbox(node, "alice", "Corpus"), first);
    });

    const delivered = await readMailbox(node, "bob", "INBOX");
    await t.test("delivered messages have every octet", () => {
      const bodies = [...delivered.values()].map((message) => bytesOf(message));
      for (const { name, bytes } of all) {
        const found = bodies.some((body) => body.subarray(body.length - bytes.length).equals(bytes));
        assert.ok(found, `${name}: not there as it was delivered`);
      }
    });

    assert.equal(await node.stop(), 0);
    const again = await start(t, join(folder, "data"));
    await t.test("after a restart all is equal", async () => {
      assert.deepEqual(await readMailbox(again, "alice", "Corpus"), first);
      assert.deepEqual(await readMailbox(again, "bob", "INBOX"), delivered);
    });
  },
);

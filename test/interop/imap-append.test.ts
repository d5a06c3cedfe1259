// APPEND in all its forms over the real store: what went in comes out, byte by byte.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { ImapListener } from "../support/imap-listener.ts";
import type { WirePeer } from "../support/wire-peer.ts";

const TIMEOUT = { timeout: 60_000 };
const LARGE = { maxMessageBytes: 20_000_000 };
const last = (lines: readonly string[]): string => lines.at(-1) ?? "<end>";

async function open(context: TestContext): Promise<{ listener: ImapListener; peer: WirePeer }> {
  const listener = await ImapListener.open(context, { committerThread: true, settings: LARGE });
  return { listener, peer: await listener.login() };
}

/** Text as it stands, buffers as literals. */
function send(peer: WirePeer, ...parts: (string | Buffer)[]): Promise<string[]> {
  const pieces = parts.map((part) =>
    typeof part === "string"
      ? Buffer.from(part)
      : Buffer.concat([Buffer.from(`{${part.length}+}\r\n`), part]),
  );
  peer.send(Buffer.concat([...pieces, Buffer.from("\r\n")]));
  return peer.until(`${String(parts[0]).split(" ")[0]} `);
}

async function bodyOf(peer: WirePeer, number: number): Promise<string> {
  const text = (await peer.command(`FETCH ${number} BODY.PEEK[]`)).join("\r\n");
  const match = /BODY\[\] \{(\d+)\}\r\n/.exec(text);
  assert.ok(match !== null, text.slice(0, 200));
  const start = match.index + match[0].length;
  return text.slice(start, start + Number(match[1]));
}

/** Every octet, NUL and bare line ends included; in memory, in a staging file, and between. */
const BODIES = [
  Buffer.from("Subject: a\r\n\r\nbare \r and \n and \0\r\n"),
  Buffer.from(Array.from({ length: 256 }, (_, octet) => octet)),
  randomBytes(65_536),
  randomBytes(65_537),
  randomBytes(3_000_000),
];

test(
  "APPEND: one by one and many at once (RFC 3502), literal and literal8 (RFC 3516)",
  TIMEOUT,
  async (context) => {
    const { listener, peer } = await open(context);
    for (const [index, body] of BODIES.entries()) {
      assert.match(
        last(await send(peer, `a APPEND INBOX ${index % 2 === 0 ? "" : "~"}`, body)),
        /^a OK \[APPENDUID/,
      );
    }
    const many = BODIES.flatMap((body) => [" (\\Seen) ", body]);
    assert.match(last(await send(peer, "b APPEND INBOX", ...many)), /^b OK \[APPENDUID \d+ 6:10\]/);
    await peer.command("SELECT INBOX");
    for (const [index, body] of [...BODIES, ...BODIES].entries()) {
      assert.ok((await bodyOf(peer, index + 1)) === body.toString("latin1"), `message ${index + 1}`);
    }
    assert.deepEqual(listener.failures, []);
  },
);

test(
  "CATENATE: long texts and long parts (RFC 4469), also for REPLACE (RFC 8508)",
  TIMEOUT,
  async (context) => {
    const { listener, peer } = await open(context);
    const part = randomBytes(2_000_000).toString("base64");
    const message = `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${part}\r\n--b--\r\n`;
    assert.match(last(await send(peer, "a APPEND INBOX ", Buffer.from(message))), /^a OK/);
    const text = randomBytes(1_500_000);
    const answer = await send(
      peer,
      'b APPEND INBOX CATENATE (URL "/INBOX/;UID=1/;SECTION=1" TEXT ',
      text,
      ' URL "/INBOX/;UID=1/;SECTION=1/;PARTIAL=1000000.500000" TEXT ',
      Buffer.from("end"),
      ")",
    );
    assert.match(last(answer), /^b OK/);
    const wanted = `${part}${text.toString("latin1")}${part.slice(1_000_000, 1_500_000)}end`;
    await peer.command("SELECT INBOX");
    assert.ok((await bodyOf(peer, 2)) === wanted);
    const replaced = await send(
      peer,
      'c REPLACE 1 INBOX CATENATE (URL ";UID=2/;PARTIAL=5.10" TEXT ',
      Buffer.from("!"),
      ")",
    );
    assert.ok(replaced.includes("* 1 EXPUNGE") && replaced.includes("* 2 EXISTS"), replaced.join("\n"));
    assert.match(replaced[0] ?? "", /^\* OK \[APPENDUID \d+ 3\]/);
    assert.equal(await bodyOf(peer, 2), `${part.slice(5, 15)}!`);
    // Few bytes that name very many.
    const urls = ' URL ";UID=2"'.repeat(8);
    assert.match(last(await send(peer, `d APPEND INBOX CATENATE (${urls.trim()})`)), /^d NO \[TOOBIG\]/);
    assert.match(last(await peer.command("FETCH 1:* UID")), / OK /);
    assert.deepEqual(listener.failures, []);
  },
);

test(
  "REPLACE: two at once for one message, one wins and nothing is lost or doubled",
  TIMEOUT,
  async (context) => {
    const { listener, peer } = await open(context);
    await send(peer, "a APPEND INBOX ", Buffer.from("old"));
    await peer.command("SELECT INBOX");
    const rival = await listener.login();
    await rival.command("SELECT INBOX");
    const answers = await Promise.all([
      send(peer, "b REPLACE 1 INBOX ", Buffer.from("mine")),
      send(rival, "b REPLACE 1 INBOX ", Buffer.from("other")),
    ]);
    assert.deepEqual(answers.map((lines) => last(lines).slice(0, 4)).sort(), ["b NO", "b OK"]);
    assert.match((await peer.command("STATUS INBOX (MESSAGES)"))[0] ?? "", /MESSAGES 1/);
  },
);

test("URLAUTH: a long part by URL, until its key is changed (RFC 4467)", TIMEOUT, async (context) => {
  const { listener, peer } = await open(context);
  const body = randomBytes(3_000_000);
  await send(peer, "a APPEND INBOX ", body);
  const [made] = await peer.command(
    'GENURLAUTH "imap://alice@mail.example.test/INBOX/;UID=1;URLAUTH=user+bob" INTERNAL',
  );
  const url = /"(.*)"/.exec(made ?? "")?.[1] ?? "";
  const bob = await listener.login("bob");
  const text = (await bob.command(`URLFETCH "${url}"`)).join("\r\n");
  assert.ok(text.includes(` {${body.length}}\r\n${body.toString("latin1")}\r\n`));
  assert.match(last(await peer.command("RESETKEY INBOX")), / OK \[URLMECH INTERNAL\]/);
  assert.equal((await bob.command(`URLFETCH "${url}"`))[0], `* URLFETCH "${url}" NIL`);
  assert.deepEqual(listener.failures, []);
});

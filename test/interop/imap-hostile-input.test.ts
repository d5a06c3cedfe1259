// Clients that are broken or mean harm, on a live listener: the protocol's own error or a BYE, memory bounded, and
// another session that goes on working all the while.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { CompressedConnection } from "../../src/imap/compress/compressed-connection.ts";
import type { ImapSettings } from "../../src/imap/options.ts";
import { ImapListener } from "../support/imap-listener.ts";
import type { WirePeer } from "../support/wire-peer.ts";

const TIMEOUT = { timeout: 60_000 };

/** Runs `harm` while another session works, and looks after it that nothing failed. */
async function besideOthers(
  context: TestContext,
  harm: (listener: ImapListener) => Promise<void>,
  settings: Partial<ImapSettings> = {},
): Promise<void> {
  const listener = await ImapListener.open(context, { settings });
  const other = await listener.login("bob");
  const harming = new AbortController();
  const working = (async (): Promise<number> => {
    let rounds = 0;
    for (; !harming.signal.aborted; rounds++) {
      const answer = await other.command("STATUS INBOX (MESSAGES)");
      assert.match(answer.at(-1) ?? "<end>", / OK /, "the other session was harmed");
      await new Promise(setImmediate);
    }
    return rounds;
  })();
  try {
    await harm(listener);
  } finally {
    harming.abort();
    assert.ok((await working) > 0);
  }
  assert.match((await other.command("NOOP")).at(-1) ?? "<end>", / OK /);
  assert.deepEqual(listener.failures, []);
}

const NO_BOUNDS = { broken: (): void => undefined, inLiteral: (): boolean => true };

const last = (lines: readonly string[]): string => lines.at(-1) ?? "<end>";

/** What the process holds; whatever the collector has not come to counts too, so bounds are generous. */
const residentMiB = (): number => process.memoryUsage.rss() / 2 ** 20;

test("half a command and the end of the connection", TIMEOUT, (context) =>
  besideOthers(context, async (listener) => {
    for (const half of [
      "a",
      "a SEL",
      "a SELECT {5}\r\nIN",
      'a SELECT "IN',
      "a APPEND INBOX {100+}\r\nSubject",
      "\r",
    ]) {
      const peer = await listener.login();
      peer.send(half);
      peer.connection.end();
      await peer.rest();
    }
  }),
);

test("lines of 64 KiB and more are refused, what follows them is read", TIMEOUT, (context) =>
  besideOthers(context, async (listener) => {
    const peer = await listener.login();
    peer.send(`a SEARCH ${"x".repeat(70_000)}\r\nb NOOP\r\n`);
    assert.match(last(await peer.until("a ")), /^a BAD \[TOOBIG\]/);
    assert.match(last(await peer.until("b ")), /^b OK/);
    // Without any line end: read past for as long as it goes on.
    const before = residentMiB();
    for (let sent = 0; sent < 64; sent++) {
      peer.send(Buffer.alloc(2 ** 20, "y"));
      while (peer.connection.bufferedBytes > 2 ** 21) await new Promise(setImmediate);
    }
    peer.send("\r\nc NOOP\r\n");
    assert.match(last(await peer.until("c ")), /^c OK/);
    assert.ok(residentMiB() - before < 150, "a line without end was kept");
  }),
);

test("literals over the limit are refused before they are read", TIMEOUT, (context) =>
  besideOthers(context, async (listener) => {
    const peer = await listener.login();
    peer.send("a APPEND INBOX {1000001}\r\n");
    assert.match(last(await peer.until("")), /^a NO \[TOOBIG\]/);
    peer.send("b SELECT {10001}\r\n");
    assert.match(last(await peer.until("")), /^b NO \[TOOBIG\]/);
    const stranger = await listener.connect();
    await stranger.line();
    stranger.send("c LOGIN {100000}\r\n");
    assert.match(last(await stranger.until("")), /^c NO \[TOOBIG\]/);
    stranger.send("d APPEND INBOX {5}\r\nabcde\r\n");
    assert.match(last(await stranger.until("d ")), /^d (NO|BAD)/);
  }),
);

test("an endless literal nobody asked for is read past, not kept", TIMEOUT, (context) =>
  besideOthers(context, async (listener) => {
    const peer = await listener.login();
    const before = residentMiB();
    peer.send("a APPEND INBOX {999999999999+}\r\n");
    assert.match(last(await peer.until("")), /^a NO \[TOOBIG\]/);
    for (let sent = 0; sent < 64; sent++) {
      peer.send(Buffer.alloc(2 ** 20, "z"));
      while (peer.connection.bufferedBytes > 2 ** 21) await new Promise(setImmediate);
    }
    assert.ok(residentMiB() - before < 150, "a literal without end was kept");
    peer.connection.destroy();
  }),
);

test("bytes that are no UTF-8, NULs and controls get an answer", TIMEOUT, (context) =>
  besideOthers(context, async (listener) => {
    const peer = await listener.login();
    const bytes = Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80]);
    await peer.command("ENABLE IMAP4rev2 UTF8=ACCEPT");
    for (const [before, after] of [
      ['CREATE "', '"'],
      ["SELECT ", ""],
      ['LIST "" "', '"'],
      ["APPEND ", " {3+}\r\nabc"],
      ["LOGIN ", " x"],
      ['ID ("name" "', '")'],
      ["", " x"],
    ] as const) {
      peer.send(Buffer.concat([Buffer.from(`t ${before}`), bytes, Buffer.from(`${after}\r\n`)]));
      assert.match(last(await peer.until("t ")), /^t (OK|NO|BAD) /, before);
    }
    await peer.command("SELECT INBOX");
    peer.send(Buffer.concat([Buffer.from('t SEARCH CHARSET UTF-8 TEXT "'), bytes, Buffer.from('"\r\n')]));
    assert.match(last(await peer.until("t ")), /^t (OK|NO|BAD) /);
    peer.send("u NOOP\0\r\nv \x01\x02\r\n\r\n\0\r\nw NOOP\r\n");
    assert.match(last(await peer.until("w ")), /^w OK/);
  }),
);

test("too many bad commands end the session", TIMEOUT, (context) =>
  besideOthers(context, async (listener) => {
    const peer = await listener.login();
    peer.send("GET / HTTP/1.1\r\n".repeat(100));
    assert.match(last(await peer.rest()), /^\* BYE Too many bad commands/);
  }),
);

test("MIME nested 10,000 deep", TIMEOUT, (context) =>
  besideOthers(
    context,
    async (listener) => {
      const parts: string[] = [];
      for (let depth = 0; depth < 10_000; depth++) {
        parts.push(`Content-Type: multipart/mixed; boundary=b${depth}\r\n\r\n--b${depth}\r\n`);
      }
      await fetchStrange(await listener.login(), `${parts.join("")}\r\nend\r\n`);
      const messages = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
      await fetchStrange(await listener.login(), `${messages}\r\nend\r\n`);
    },
    { maxMessageBytes: 10_000_000 },
  ),
);

test("100,000 header fields", TIMEOUT, (context) =>
  besideOthers(
    context,
    async (listener) => {
      const fields = Array.from({ length: 100_000 }, (_, number) => `X-Field-${number}: value ${number}\r\n`);
      await fetchStrange(await listener.login(), `${fields.join("")}Subject: many\r\n\r\nend\r\n`);
      await fetchStrange(await listener.login(), `${"To: <a@b.test>,\r\n".repeat(100_000)}\r\nend\r\n`);
    },
    { maxMessageBytes: 10_000_000 },
  ),
);

/** Appended, described and read back as it was. */
async function fetchStrange(peer: WirePeer, text: string): Promise<void> {
  peer.send(`a APPEND INBOX {${text.length}+}\r\n${text}\r\n`);
  assert.match(last(await peer.until("a ")), /^a OK/);
  await peer.command("SELECT INBOX");
  assert.match(last(await peer.command("FETCH * (ENVELOPE BODYSTRUCTURE PREVIEW)")), / OK /);
  assert.match(last(await peer.command("SEARCH SUBJECT many BODY end HEADER X-Field-5 value")), / OK /);
  const before = peer.receivedBytes;
  const lines = await peer.command("FETCH * BODY.PEEK[]");
  assert.match(last(lines), / OK /);
  assert.ok(peer.receivedBytes - before > text.length);
}

test("COMPRESS: a bomb is cut off, whatever it unpacks to", TIMEOUT, (context) =>
  besideOthers(context, async (listener) => {
    for (const [what, text] of [
      ["one line", "x".repeat(2 ** 16)],
      ["commands", "a NOOP\r\n".repeat(2 ** 13)],
      ["NULs", "\0".repeat(2 ** 16)],
    ] as const) {
      const peer = await listener.login();
      assert.match(last(await peer.command("COMPRESS DEFLATE")), / OK /);
      const raw = peer.connection;
      peer.attach(new CompressedConnection(raw, NO_BOUNDS));
      const block = deflateRawSync(Buffer.from(text.repeat(16)), { finishFlush: constants.Z_SYNC_FLUSH });
      const before = residentMiB();
      // Each block is 1 MiB; the answers are read, so nothing but the bound ends this.
      for (let sent = 0; sent < 2_000 && !peer.ended; sent++) {
        raw.write(block);
        while (raw.bufferedBytes > 2 ** 16 && !peer.ended) await new Promise(setImmediate);
        await new Promise(setImmediate);
      }
      while (!peer.ended) await new Promise(setImmediate);
      assert.ok(residentMiB() - before < 250, `${what}: memory grew`);
    }
  }),
);

test("COMPRESS: what is no DEFLATE gets a BYE", TIMEOUT, (context) =>
  besideOthers(context, async (listener) => {
    const peer = await listener.login();
    await peer.command("COMPRESS DEFLATE");
    const raw = peer.connection;
    peer.attach(new CompressedConnection(raw, NO_BOUNDS));
    raw.write(Buffer.alloc(64, 0xff));
    assert.match(last(await peer.rest()), /^\* BYE Compressed input is broken/);
  }),
);

test("a client that does not read holds bounded memory and gets everything later", TIMEOUT, (context) =>
  besideOthers(context, async (listener) => {
    const text = `Subject: large\r\n\r\n${`${"0123456789abcdef".repeat(64)}\r\n`.repeat(600)}`;
    for (let count = 0; count < 60; count++) await listener.deliver(Buffer.from(text));
    for (const compressed of [false, true]) {
      const peer = await listener.login();
      await peer.command("SELECT INBOX");
      if (compressed) {
        await peer.command("COMPRESS DEFLATE");
        peer.attach(new CompressedConnection(peer.connection, NO_BOUNDS));
      }
      const before = peer.receivedBytes;
      peer.connection.pause();
      peer.send("a FETCH 1:* BODY.PEEK[]\r\n");
      const session = [...listener.server.sessions].at(-1)!;
      let most = 0;
      for (let turn = 0; turn < 2_000; turn++) {
        most = Math.max(most, session.connection.bufferedBytes);
        await new Promise(setImmediate);
      }
      // Its own bound, and the one message that goes over it.
      assert.ok(most < 524_288 + 2 * text.length, `${most} bytes wait for a client that does not read`);
      if (!compressed) assert.ok(most > 0, "the client was not slow");
      peer.connection.resume();
      assert.match(last(await peer.until("a ")), /^a OK/);
      assert.ok(peer.receivedBytes - before > 60 * text.length);
    }
  }),
);

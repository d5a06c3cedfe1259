/** Hostile clients: half commands, long lines, endless literals, bytes that are no text. Nothing may crash or grow. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Framer } from "../../src/imap/codec/framer.ts";
import { ImapHost } from "../support/imap-host.ts";
import { openInlineStore } from "../support/inline-store.ts";
import type { PipePeer } from "../support/pipe-peer.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 150);

const word = fc.constantFrom(
  "SELECT",
  "INBOX",
  "FETCH",
  "UID",
  "STORE",
  "SEARCH",
  "APPEND",
  "LIST",
  "STATUS",
  "1:*",
  "1",
  "*",
  "$",
  "(",
  ")",
  "FLAGS",
  "+FLAGS",
  "\\Seen",
  "BODY[",
  "BODY[]",
  "<0.5>",
  "]",
  "ENVELOPE",
  "{3}",
  "{3+}",
  "~{2+}",
  "\r\n",
  '"',
  "NIL",
  "RETURN",
  "ALL",
  "NOT",
  "OR",
  "SUBJECT",
  "CHARSET",
  "COPY",
  "MOVE",
  "EXPUNGE",
  "IDLE",
  "DONE",
  "CREATE",
  "a/b",
  "%",
  "HEADER.FIELDS",
  "QRESYNC",
  "CONDSTORE",
  "ENABLE",
  "(MESSAGES)",
  "4294967295",
  "99999999999999999999",
  "\\",
  "\0",
  "é",
);
const line = fc.array(
  fc.oneof({ weight: 8, arbitrary: word }, { weight: 1, arbitrary: fc.string({ unit: "binary" }) }),
  {
    maxLength: 10,
  },
);

/** Ends whatever is open, then proves that the session still answers, or was ended with BYE. */
async function survives(peer: PipePeer): Promise<void> {
  peer.send(Buffer.from("\r\n\r\nDONE\r\n"));
  peer.send(Buffer.from("zz NOOP\r\nzz NOOP\r\nzz NOOP\r\n"));
  let last = "";
  for (;;) {
    const next = await peer.line();
    if (next === undefined) break;
    last = next;
    if (/^zz (OK|BAD)/.test(next)) return;
  }
  assert.match(last, /^\* BYE /, "the session ended without BYE");
}

test("imap fuzz: lines of known words in any order", { timeout: 120_000 }, async () => {
  const host = new ImapHost(await openInlineStore(), { maxBadCommands: 1000 });
  await host.deliver(3);
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 6 }), fc.boolean(), async (lines, selected) => {
      const peer = await host.connect("1");
      if (selected) peer.send(Buffer.from("s SELECT INBOX\r\n"));
      for (const words of lines) peer.send(Buffer.from(`a ${words.join(" ")}\r\n`));
      // Literals that were announced and not sent would swallow the probe.
      peer.send(Buffer.from("\r\n".repeat(3)));
      await survives(peer);
      peer.connection.destroy();
      assert.deepEqual(host.failures, []);
    }),
    { numRuns: RUNS },
  );
  await host.close();
});

test("imap fuzz: any bytes before login", { timeout: 120_000 }, async () => {
  const host = new ImapHost(await openInlineStore());
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), async (chunks) => {
      const peer = host.open();
      for (const chunk of chunks) peer.send(Buffer.from(chunk));
      peer.send(Buffer.from("\r\n".repeat(3)));
      peer.connection.end();
      while ((await peer.line()) !== undefined);
      assert.deepEqual(host.failures, []);
    }),
    { numRuns: RUNS },
  );
  await host.close();
});

test("imap fuzz: the framer holds no more than its bound", () => {
  const framer = new Framer(65_536);
  const chunk = Buffer.alloc(1000, 0x78);
  for (let i = 0; i < 2000; i++) {
    framer.push(chunk);
    while (framer.next() !== undefined);
    assert.ok(framer.waitingBytes <= 1000);
  }
  framer.push(Buffer.from("\r\na APPEND x {999999999999+}\r\n"));
  for (let event = framer.next(); event !== undefined; event = framer.next()) {
    if (event.kind === "literal") framer.refuseLiteral();
  }
  for (let i = 0; i < 2000; i++) {
    framer.push(chunk);
    assert.equal(framer.next(), undefined);
    assert.equal(framer.waitingBytes, 0);
  }
});

test("imap fuzz: a reader that does not read stops the answers", { timeout: 20_000 }, async () => {
  const host = new ImapHost(await openInlineStore(), { maxOutputBufferBytes: 50_000 });
  await host.deliver(50);
  const peer = await host.connect("1");
  peer.connection.pause();
  peer.send(Buffer.from("a SELECT INBOX\r\n"));
  for (let i = 0; i < 500; i++) peer.send(Buffer.from(`b${i} FETCH 1:* (ENVELOPE BODYSTRUCTURE)\r\n`));
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  const [session] = host.server.sessions;
  assert.ok(session !== undefined && session.connection.bufferedBytes < 200_000);
  peer.connection.resume();
  for (let next = await peer.line(); !next?.startsWith("b499 OK"); next = await peer.line())
    assert.ok(next !== undefined);
  await host.close();
});

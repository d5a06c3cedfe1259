/** APPEND in all its forms, REPLACE and URLs in any order of their words: an answer for each line, no session fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ImapHost } from "../support/imap-host.ts";
import { openInlineStore } from "../support/inline-store.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 150);

const start = fc.constantFrom(
  "APPEND INBOX",
  "APPEND INBOX CATENATE (",
  "REPLACE 1 INBOX",
  "UID REPLACE 2 INBOX CATENATE (",
  "URLFETCH",
  "GENURLAUTH",
  "RESETKEY",
  "FETCH 1",
  "COMPRESS",
);
const word = fc.constantFrom(
  "CATENATE",
  "(",
  ")",
  "TEXT {3+}\r\nabc",
  "TEXT ~{2+}\r\n\0\0",
  "{0+}\r\n",
  "{3+}\r\nabc",
  "UTF8 (~{1+}\r\nx)",
  "URL",
  '"/INBOX/;UID=1"',
  '";UID=1/;SECTION=1/;PARTIAL=0.5"',
  '"/INBOX/;UID=2/;SECTION=HEADER.FIELDS%20(To)"',
  '"/INBOX/;UID=9/;SECTION=1.%00"',
  '"imap://alice@mail.example.test/INBOX/;UID=1;URLAUTH=authuser"',
  `"imap://alice@mail.example.test/INBOX/;UID=1;URLAUTH=authuser:internal:${"0".repeat(32)}"`,
  '"%"',
  "INTERNAL",
  "INBOX",
  "BODY",
  "BINARY",
  "BODYPARTSTRUCTURE",
  "BINARY[1]",
  "BINARY.PEEK[]<0.3>",
  "BINARY.SIZE[1.2]",
  "(\\Seen)",
  '"17-Jul-1996 02:44:25 -0700"',
  "GZIP",
  "é",
);

test("imap fuzz: messages in and out", { timeout: 120_000 }, async () => {
  const host = new ImapHost(await openInlineStore(), { maxBadCommands: 1000 });
  await host.deliver(3);
  const line = fc.tuple(start, fc.array(word, { maxLength: 6 }));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
      const peer = await host.connect("1");
      peer.send(Buffer.from("s SELECT INBOX\r\n"));
      for (const [index, [first, words]] of lines.entries()) {
        peer.send(Buffer.from(`t${index} ${first} ${words.join(" ")}\r\n`));
      }
      peer.send(Buffer.from("zz NOOP\r\n"));
      const got: string[] = [];
      for (let next = await peer.line(); next !== undefined; next = await peer.line()) {
        got.push(next);
        if (next.startsWith("zz ")) break;
      }
      assert.match(got.at(-1) ?? "<end>", /^zz OK/);
      for (const index of lines.keys()) {
        assert.ok(
          got.some((text) => new RegExp(`^t${index} (OK|NO|BAD) `).test(text)),
          `t${index} was not answered`,
        );
      }
      peer.connection.destroy();
      assert.deepEqual(host.failures, []);
    }),
    { numRuns: RUNS },
  );
  await host.close();
});

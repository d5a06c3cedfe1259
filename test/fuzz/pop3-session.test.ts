// Hostile bytes in any pieces: a POP3 session answers or closes, it never fails, hangs or keeps the maildrop.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Pop3Host } from "../support/pop3-host.ts";
import { openInlineStore } from "../support/inline-store.ts";

const WORDS = [
  "USER alice\r\n",
  "PASS secret\r\n",
  "AUTH PLAIN\r\n",
  "AUTH SCRAM-SHA-256 =\r\n",
  "*\r\n",
  "CAPA\r\n",
  "LIST\r\n",
  "LIST 1",
  "UIDL 2\r\n",
  "RETR 1\r\n",
  "TOP 1 ",
  "DELE 2\r\n",
  "RSET\r\n",
  "STAT\r\n",
  "STLS\r\n",
  "UTF8\r\n",
  "99999999999999999999",
  "-1\r\n",
  "\r\n",
  "\n",
  "\r",
  "\0",
  "\xff\xfe",
];

test("Pop3Session survives any bytes", { timeout: 60_000 }, async () => {
  const host = new Pop3Host(await openInlineStore());
  const piece = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...WORDS) },
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  try {
    await host.directive(["mail", "3"]);
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 25 }), async (pieces) => {
        const peer = host.open();
        for (const text of pieces) {
          peer.send(Buffer.from(text, "latin1"));
          await new Promise(setImmediate);
        }
        peer.connection.destroy();
        const next = host.open();
        assert.equal(await next.line(), "+OK mail.example.test POP3 Rookery ready");
        next.send(Buffer.from("QUIT\r\n"));
        assert.equal(await next.line(), "+OK Bye");
        assert.equal(await next.line(), undefined);
        assert.deepEqual(host.failures, []);
      }),
      { numRuns: 150 },
    );
  } finally {
    await host.close();
  }
});

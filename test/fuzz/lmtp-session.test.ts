// Hostile bytes in any pieces: an LMTP session answers or closes, it never fails, hangs or stops the next session.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LmtpHost } from "../support/lmtp-host.ts";
import { openInlineStore } from "../support/inline-store.ts";

const WORDS = [
  "LHLO client\r\n",
  "MAIL FROM:<>",
  "MAIL FROM:<a@b.test> SIZE=10 BODY=BINARYMIME SMTPUTF8",
  "RCPT TO:<alice>",
  "RCPT TO:<alice+x/y@example.test>",
  "DATA\r\n",
  "BDAT 3 LAST\r\n",
  "BDAT 999999\r\n",
  "BDAT x\r\n",
  "AUTH PLAIN\r\n",
  "AUTH SCRAM-SHA-256 =\r\n",
  "STARTTLS\r\n",
  "RSET\r\n",
  "\r\n",
  "\r\n.\r\n",
  ".",
  "\n",
  "\r",
  "\0",
  "<",
  '"',
  "\xff\xfe",
];

test("LmtpSession survives any bytes", { timeout: 60_000 }, async () => {
  const host = new LmtpHost(await openInlineStore());
  const piece = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...WORDS) },
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 25 }), async (pieces) => {
        const peer = host.open();
        for (const text of pieces) {
          peer.send(Buffer.from(text, "latin1"));
          await new Promise(setImmediate);
        }
        peer.connection.destroy();
        const next = host.open();
        assert.equal(await next.line(), "220 mail.example.test LMTP Rookery ready");
        next.send(Buffer.from("QUIT\r\n"));
        assert.equal(await next.line(), "221 2.0.0 Bye");
        assert.equal(await next.line(), undefined);
        assert.deepEqual(host.failures, []);
      }),
      { numRuns: 300, seed: 2033 },
    );
  } finally {
    await host.close();
  }
});

// Hostile bytes in any pieces: a ManageSieve session answers or closes, it never fails, hangs.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ManagesieveHost } from "../support/managesieve-host.ts";
import { openInlineStore } from "../support/inline-store.ts";

const WORDS = [
  'AUTHENTICATE "PLAIN" "AGFsaWNlAHNlY3JldA=="\r\n',
  'AUTHENTICATE "PLAIN"\r\n',
  '"*"\r\n',
  "CAPABILITY\r\n",
  "LISTSCRIPTS\r\n",
  'PUTSCRIPT "a" ',
  'PUTSCRIPT "a" "keep;"\r\n',
  'SETACTIVE "a"\r\n',
  'GETSCRIPT "a"\r\n',
  'DELETESCRIPT "a"\r\n',
  'RENAMESCRIPT "a" "b"\r\n',
  "CHECKSCRIPT {5+}\r\n",
  "{3+}\r\n",
  "{999999999999999+}\r\n",
  "{-1}",
  'HAVESPACE "a" 99999999999999\r\n',
  "UNAUTHENTICATE\r\n",
  "STARTTLS\r\n",
  "\r\n",
  "\n",
  "\r",
  "\0",
  "\\",
  "\xff\xfe",
];

test("ManagesieveSession survives any bytes", { timeout: 60_000 }, async () => {
  const host = new ManagesieveHost(await openInlineStore());
  const piece = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...WORDS) },
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  try {
    await host.directive(["advance", "1"]);
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 25 }), async (pieces) => {
        const peer = host.open();
        for (const text of pieces) {
          peer.send(Buffer.from(text, "latin1"));
          await new Promise(setImmediate);
        }
        peer.connection.destroy();
        const next = host.open();
        next.send(Buffer.from('NOOP "x"\r\nLOGOUT\r\n'));
        const lines: string[] = [];
        for (let line = await next.line(); line !== undefined; line = await next.line()) lines.push(line);
        assert.deepEqual(lines.slice(-2), ['OK (TAG "x") "Done"', 'OK "Bye"']);
        assert.deepEqual(host.failures, []);
      }),
      { numRuns: 150 },
    );
  } finally {
    await host.close();
  }
});

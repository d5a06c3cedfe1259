import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseScriptMessage, printScriptMessage } from "./script-message.ts";

const ORIGIN = { from: "u1@ma.lab", messageId: "7a8c0fa1@ma.lab", atMs: Date.UTC(2026, 10, 22, 2, 13, 22) };

test("printScriptMessage writes what Cyrus 3.6 writes", () => {
  const content = Buffer.from('require ["fileinto"];\r\nkeep;\r\n');
  const bytes = printScriptMessage({ name: "main", id: "htf1f6024hfjvlprhnk7d5rl", content }, ORIGIN);
  assert.equal(
    bytes.toString(),
    "From: <u1@ma.lab>\r\nSubject: main\r\nDate: Sun, 22 Nov 2026 02:13:22 +0000\r\nMessage-ID: <7a8c0fa1@ma.lab>\r\n" +
      "Content-Type: application/sieve; charset=utf-8\r\nContent-Length: 30\r\nContent-Disposition: attachment;\r\n" +
      '\tfilename="htf1f6024hfjvlprhnk7d5rl.sieve"\r\nMIME-Version: 1.0\r\n\r\n' +
      'require ["fileinto"];\r\nkeep;\r\n',
  );
});

test("parseScriptMessage reads what printScriptMessage wrote, whatever the name", () => {
  const word = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .map((text) => text.replace(/[\p{C}\p{Z}]/gu, "") || "x");
  const name = fc.array(word, { minLength: 1, maxLength: 30 }).map((words) => words.join(" "));
  fc.assert(
    fc.property(name, fc.uint8Array({ maxLength: 200 }), (text, octets) => {
      const script = { name: text, id: "0123456789abcdefghijklmn", content: Buffer.from(octets) };
      assert.deepEqual(parseScriptMessage(printScriptMessage(script, ORIGIN)), script);
    }),
  );
});

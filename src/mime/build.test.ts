import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildMail, encodeQuotedPrintable, headerLine } from "./build.ts";
import { decodeHeader } from "./encoded-word.ts";
import { fieldValues } from "./headers.ts";
import { summarize } from "./summarize.ts";
import { partSource, textParts } from "./text.ts";
import { decodeQuotedPrintable } from "./transfer.ts";

test("buildMail: reads back as it was meant", () => {
  const bytes = buildMail({
    headers: [
      ["From", "Jürgen Müller <juergen@example.test>"],
      ["Subject", `Grüße ${"und lange Worte ".repeat(12)}`],
    ],
    parts: [
      { type: "text/plain", content: "Hallo Jürgen,\nwie geht's?\n" },
      {
        type: "application/octet-stream",
        content: Buffer.from([0, 1, 2, 255]),
        fileName: "Übersicht (1).bin",
      },
    ],
    boundary: "frontier",
  });
  assert.ok(
    bytes
      .toString("latin1")
      .split("\r\n")
      .every((line) => line.length <= 78),
  );
  const summary = summarize(bytes);
  assert.equal(summary.displayFrom, "JÜRGEN MÜLLER");
  assert.equal(
    decodeHeader(fieldValues(bytes, 0, bytes.length, "subject")[0]!).slice(0, 15),
    "Grüße und lange",
  );
  assert.equal(summary.preview, "Hallo Jürgen, wie geht's?");
  assert.match(
    summary.bodyStructure.toString(),
    /"octet-stream" NIL NIL NIL "base64" \d+ NIL \("attachment" \("filename\*" "utf-8''%C3%9Cbersicht%20%281%29.bin"\)\)/,
  );
});

test("headerLine: a value can not add a header", () => {
  assert.equal(headerLine("Subject", "a\r\nBcc: b@example.test"), "Subject: a Bcc: b@example.test\r\n");
});

test("encodeQuotedPrintable: decodes to the same octets, lines of at most 76", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
      const bytes = Buffer.from(octets);
      const encoded = encodeQuotedPrintable(bytes);
      assert.ok(encoded.split("\r\n").every((line) => line.length <= 76));
      assert.deepEqual(decodeQuotedPrintable(Buffer.from(encoded), false), bytes);
    }),
  );
});

test("buildMail: any text survives", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (text) => {
      const content = text.replace(/\r\n|\r|\n/g, "\n");
      const bytes = buildMail({
        headers: [["Subject", "x"]],
        parts: [{ type: "text/plain", content }],
        boundary: "b",
      });
      const [part] = textParts(summarize(bytes).root);
      assert.equal(partSource(bytes, part!).replace(/\r\n/g, "\n").trimEnd(), content.trimEnd());
    }),
  );
});

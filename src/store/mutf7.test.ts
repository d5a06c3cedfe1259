import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeMutf7, encodeMutf7 } from "./mutf7.ts";

const GOOD: readonly (readonly [string, string])[] = [
  ["", ""],
  ["INBOX", "INBOX"],
  ["Tom & Jerry", "Tom &- Jerry"],
  ["Entwürfe", "Entw&APw-rfe"],
  // RFC 3501 §5.1.3
  ["~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"],
  ["😀", "&2D3eAA-"],
  ["Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"],
];

test("modified UTF-7 of known names", () => {
  for (const [text, name] of GOOD) {
    assert.equal(encodeMutf7(text), name);
    assert.equal(decodeMutf7(name), text);
  }
});

test("decodeMutf7 refuses every second spelling", () => {
  const bad: Record<string, string> = {
    "raw 8-bit": "Entwürfe",
    "control character": "a\tb",
    "unclosed shift": "&APw",
    "ampersand alone": "a&b",
    "ASCII in a shift": "&AEE-",
    "padding not zero": "&APx-",
    "spare digit": "&APwA-",
    "adjacent shifts": "&APw-&APw-",
    "lone surrogate": "&2D0-",
    "standard base64 slash": "&U/BTFw-",
  };
  for (const [why, name] of Object.entries(bad)) assert.equal(decodeMutf7(name), undefined, why);
});

test("decodeMutf7(encodeMutf7(text)) = text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      fc.pre(text.isWellFormed());
      assert.equal(decodeMutf7(encodeMutf7(text)), text);
    }),
  );
});

test("what decodes is canonical", () => {
  const unit = fc.constantFrom("&", "-", "A", "P", "w", ",", "z", "9", "/", "ü");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 12 }), (name) => {
      const text = decodeMutf7(name);
      if (text !== undefined) assert.equal(encodeMutf7(text), name);
    }),
    { numRuns: 2000 },
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeMutf7, encodeMutf7 } from "./mutf7.ts";

test("modified UTF-7: examples of RFC 3501 §5.1.3 and quirks", () => {
  const pairs: [string, string][] = [
    ["~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"],
    ["Entwürfe", "Entw&APw-rfe"],
    ["A&B", "A&-B"],
    ["😀", "&2D3eAA-"],
    ["", ""],
  ];
  for (const [text, name] of pairs) {
    assert.equal(encodeMutf7(text), name);
    assert.equal(decodeMutf7(name), text);
  }
});

test("modified UTF-7: a second form of the same name is refused", () => {
  for (const name of ["&", "&abc", "&AGE-", "&APw", "&AP-", "&APx-", "ü", "&U,A-&TFw-", "a\tb"])
    assert.equal(decodeMutf7(name), undefined, name);
});

test("modified UTF-7: decode(encode(text)) = text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      assert.equal(decodeMutf7(encodeMutf7(text)), text);
    }),
  );
});

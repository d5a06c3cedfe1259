import assert from "node:assert/strict";
import { test } from "node:test";
import { Reader } from "../codec/reader.ts";
import { partOf, readPartialRange } from "./partial.ts";

const ranges: readonly (readonly [string, string])[] = [
  ["1:2", "ab"],
  ["2:1", "ab"],
  ["4:9", "de"],
  ["6:9", ""],
  ["-1:-2", "de"],
  ["-5:-9", "a"],
  ["-6:-9", ""],
  ["-1:-4294967295", "abcde"],
];

test("partOf: ranges from the start and from the end (RFC 9394 §3.1)", () => {
  for (const [text, expected] of ranges) {
    const range = readPartialRange(new Reader({ text: Buffer.from(text), literals: [] }));
    assert.equal(partOf(Array.from("abcde"), range).join(""), expected, text);
  }
});

test("readPartialRange: refuses what is no range", () => {
  for (const text of ["1", "0:1", "1:*", "-1:1", "1:-1", "a:b", "1:2:3"]) {
    assert.throws(() => readPartialRange(new Reader({ text: Buffer.from(text), literals: [] })), text);
  }
});

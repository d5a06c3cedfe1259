import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeExtendedValue, decodeHeader, encodeHeader } from "./encoded-word.ts";

const cases: readonly (readonly [string, string])[] = [
  ["plain", "plain"],
  ["=?ISO-8859-1?Q?a?=", "a"],
  ["=?ISO-8859-1?Q?a?= b", "a b"],
  ["=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"],
  ["=?ISO-8859-1?Q?a?=   =?ISO-8859-2?Q?b?=", "ab"],
  ["=?ISO-8859-1?Q?a_b?=", "a b"],
  ["=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"],
  ["=?ISO-8859-1?q?Andr=E9?= Pirard", "André Pirard"],
  ["=?utf-8?B?4pi=?= =?utf-8?B?gw==?=", "\u2603"],
  ["=?utf-7?Q?+AOQ-?=", "ä"],
  ["=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"],
  ["=?koi8-r?B?8NLJ18XU?=", "Привет"],
  ["=?x-unknown?Q?a=FC?=", "aü"],
  ["=?utf-8?X?abc?=", "=?utf-8?X?abc?="],
  ["=?utf-8?Q?unfinished", "=?utf-8?Q?unfinished"],
  ["=?utf-8?Q?a b?=", "a b"],
  ["raw \xc3\xbc", "raw ü"],
  ["raw \xfc", "raw ü"],
];

for (const [value, expected] of cases) {
  test(`decodeHeader: ${JSON.stringify(value)}`, () => assert.equal(decodeHeader(value), expected));
}

test("decodeExtendedValue: RFC 2231 §4", () => {
  assert.equal(decodeExtendedValue("us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"), "This is ***fun***");
  assert.equal(decodeExtendedValue("utf-8''%C3%BC"), "ü");
  assert.equal(decodeExtendedValue("%zz"), "%zz");
});

test("encodeHeader: decodeHeader gives the text back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const flat = text.replace(/[\r\n]+/g, " ");
      assert.equal(decodeHeader(encodeHeader(flat)), flat);
    }),
  );
});

test("decodeHeader: linear on hostile input", () => {
  for (const piece of ["=?", "=?a?q?", "=?a?q?=", "?=", "=?utf-8?Q?x?= "]) decodeHeader(piece.repeat(50_000));
});

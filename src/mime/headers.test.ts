import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldValues, HeaderScanner, headerEnd, selectFields } from "./headers.ts";

const header = Buffer.from(
  "Subject: a\r\n folded\tline\r\nX-One : 1\nno colon\r\nsubject:\r\nTo: b\r\n\r\nSubject: body\r\n",
);

test("HeaderScanner: fields, folding, white space before the colon, the body", () => {
  const scanner = new HeaderScanner(header, 0, header.length);
  const seen: string[][] = [];
  while (scanner.next()) seen.push([scanner.name(), scanner.value()]);
  assert.deepEqual(seen, [
    ["Subject", "a folded\tline"],
    ["X-One", "1"],
    ["", "no colon"],
    ["subject", ""],
    ["To", "b"],
  ]);
  assert.equal(scanner.bodyStart, header.indexOf("Subject: body"));
  assert.equal(headerEnd(header), scanner.bodyStart);
});

test("selectFields: BODY[HEADER.FIELDS] and HEADER.FIELDS.NOT (RFC 9051 §6.4.5.1)", () => {
  const select = (names: string[], negate: boolean) =>
    selectFields(header, 0, headerEnd(header), new Set(names), negate).toString();
  assert.equal(select(["subject"], false), "Subject: a\r\n folded\tline\r\nsubject:\r\n\r\n");
  assert.equal(select(["subject", "x-one"], true), "no colon\r\nTo: b\r\n\r\n");
  assert.equal(select(["none"], false), "\r\n");
  const cut = Buffer.from("To: b");
  assert.equal(selectFields(cut, 0, cut.length, new Set(["to"]), false).toString(), "To: b\r\n\r\n");
});

test("fieldValues: every one, unfolded", () => {
  assert.deepEqual(fieldValues(header, 0, header.length, "subject"), ["a folded\tline", ""]);
});

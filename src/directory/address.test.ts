import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  canonicalDomain,
  isValidUserName,
  parseAddress,
  printAddress,
  splitDetail,
  userIdOf,
} from "./address.ts";

for (const [text, userId] of [
  ["alice", "alice"],
  ["Alice@EXAMPLE.test", "alice"],
  ["Bob@Example.org.", "bob@example.org"],
  ["jörg@bücher.example", "jörg@xn--bcher-kva.example"],
  ["JO\u0308RG", "j\u00f6rg"],
  ['"a \\"b"@example.test', 'a "b'],
  ["a@b@example.test", "a@b"],
  ["alice@", undefined],
  ["alice@-x.test", undefined],
  ["alice@exa mple.test", undefined],
  ["a".repeat(400), undefined],
] as const) {
  test(`parseAddress of ${JSON.stringify(text.slice(0, 40))} is the user ${userId}`, () => {
    const address = parseAddress(text, "example.test");
    equal(address && userIdOf(address, "example.test"), userId);
  });
}

for (const [name, isValid] of [
  ["alice", true],
  ["alice.b", true],
  ["müller", true],
  ["o'brien", true],
  ["", false],
  ["anyone", false],
  ["Anonymous", false],
  ["-alice", false],
  ["a/b", false],
  ["a b", false],
  ["a*", false],
  ["a%", false],
  ["a!b", false],
  ["a:b", false],
  ["a\u0000b", false],
  ["a\u202eb", false],
  ["a+b", false],
  [".a", false],
  ["a.", false],
] as const) {
  test(`isValidUserName says ${isValid} to ${JSON.stringify(name)}`, () =>
    equal(isValidUserName(name, "+"), isValid));
}

test("splitDetail takes the first separator, which may be longer or none", () => {
  deepEqual(splitDetail("alice+a+b", "+"), { base: "alice", detail: "a+b" });
  deepEqual(splitDetail("alice--a", "--"), { base: "alice", detail: "a" });
  deepEqual(splitDetail("alice+", "+"), { base: "alice", detail: undefined });
  deepEqual(splitDetail("alice+a", ""), { base: "alice+a", detail: undefined });
});

test("canonical addresses stay as they are", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", maxLength: 60 }),
      fc.string({ maxLength: 40 }),
      (local, domain) => {
        const address = parseAddress(`${local}@${domain}`, "example.test");
        if (address === undefined || !isValidUserName(address.local, "")) return;
        const printed = printAddress(address);
        const again = parseAddress(printed, "example.test");
        equal(again && printAddress(again), printed);
        equal(canonicalDomain(address.domain), address.domain);
      },
    ),
  );
});

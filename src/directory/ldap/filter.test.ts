import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EqualityFilter, FilterParser } from "ldapts";
import { fillFilter, firstValueOfDn } from "./filter.ts";

test("fillFilter fills what it knows and escapes it (RFC 4515 §4)", () => {
  equal(
    fillFilter("(&(uid={user})(x={other}))", { user: "a*)(b=\\\0" }),
    "(&(uid=a\\2a\\29\\28b=\\5c\\00)(x={other}))",
  );
});

test("whatever a client sends stays one value of one equality match", () => {
  const value = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1 }),
    fc.stringMatching(/^[()*\\&|!=a\0{}]{1,20}$/),
  );
  fc.assert(
    fc.property(value, (text) => {
      const filter = FilterParser.parseString(fillFilter("(uid={user})", { user: text }));
      equal(filter.constructor, EqualityFilter);
      deepEqual(Buffer.from((filter as EqualityFilter).value), Buffer.from(text));
    }),
  );
});

for (const [dn, value] of [
  ["cn=Staff,ou=groups,dc=x", "Staff"],
  ["CN = a\\, b + uid=c,dc=x", "a, b"],
  ["cn=M\\C3\\BCller,dc=x", "Müller"],
  ["", undefined],
  ["nonsense", undefined],
] as const) {
  test(`firstValueOfDn of ${JSON.stringify(dn)}`, () => equal(firstValueOfDn(dn), value));
}

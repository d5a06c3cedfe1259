import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileListPattern, joinReference } from "./list-pattern.ts";

test("compileListPattern matches as RFC 9051 §6.3.9 says", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["*", "a/b/c", true],
    ["*", "", true],
    ["%", "a", true],
    ["%", "a/b", false],
    ["%/%", "a/b", true],
    ["a/%", "a/b/c", false],
    ["a/*", "a/b/c", true],
    ["a/*", "a", false],
    ["a*", "a", true],
    ["%b", "aab", true],
    ["%%", "a", true],
    ["%*", "a/b", true],
    ["*x%y", "a/x/xzy", true],
    ["*x%y", "a/xz/y", false],
    ["foo", "foo", true],
    ["foo", "Foo", false],
    ["inbox", "INBOX", true],
    ["InB%", "INBOX", true],
    ["inbox/*", "INBOX/x", true],
    ["inboxes", "INBOX", false],
    ["%nbo*", "INBOX", true],
    ["Entw*fe", "Entwürfe", true],
    ["😀%", "😀x", true],
  ];
  for (const [pattern, name, expected] of cases) {
    assert.equal(compileListPattern(pattern, "/").matches(name), expected, `${pattern} ~ ${name}`);
  }
});

test("matchingAncestors names the levels that % shows", () => {
  assert.deepEqual(compileListPattern("%", "/").matchingAncestors("a/b/c"), ["a"]);
  assert.deepEqual(compileListPattern("a/%", "/").matchingAncestors("a/b/c"), ["a/b"]);
  assert.deepEqual(compileListPattern("x%", "/").matchingAncestors("a/b"), []);
});

test("literalPrefix narrows the scan unless INBOX could be meant", () => {
  assert.equal(compileListPattern("Other Users/bob/%", "/").literalPrefix, "Other Users/bob/");
  assert.equal(compileListPattern("inbox/%", "/").literalPrefix, "");
  assert.equal(compileListPattern("*", "/").literalPrefix, "");
});

test("joinReference", () => {
  assert.equal(joinReference("", "%", "/"), "%");
  assert.equal(joinReference("a/", "%", "/"), "a/%");
  assert.equal(joinReference("a/", "/b", "/"), "a/b");
  assert.equal(joinReference("a", "b", "/"), "ab");
});

test("matches agrees with a regular expression", () => {
  const unit = fc.constantFrom("a", "b", "/", "*", "%");
  const text = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 8 });
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 8 }), text, (pattern, name) => {
      const source = pattern.replaceAll("*", "[^]*").replaceAll("%", "[^/]*");
      const expected = new RegExp(`^${source}$`).test(name);
      assert.equal(compileListPattern(pattern, "/").matches(name), expected);
    }),
    { numRuns: 2000 },
  );
});

test("a hostile pattern costs at most pattern × name", () => {
  const pattern = compileListPattern(`${"*a%a".repeat(250)}b`, "/");
  const name = "a".repeat(490);
  // Backtracking would not come back from this one.
  assert.equal(pattern.matches(name), false);
});

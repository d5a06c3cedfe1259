import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ALL_RIGHTS,
  canonicalIdentifier,
  changeAcl,
  initialAcl,
  parseAcl,
  parseRights,
  printAcl,
  printRights,
  Right,
} from "./acl.ts";

test("printRights prints everything as Cyrus does", () => {
  assert.equal(printRights(ALL_RIGHTS), "lrswipkxtecdan");
  assert.equal(printRights(0), "");
});

test("c and d are compounds (RFC 4314 §2.1.1)", () => {
  const cases: Record<string, string> = {
    lr: "lr",
    rl: "lr",
    c: "kxc",
    k: "kc",
    x: "xc",
    d: "ted",
    t: "td",
    e: "ed",
    lrswipcda: "lrswipkxtecda",
    lrswipkxte: "lrswipkxtecd",
    a09n: "an09",
    td: "td",
    kc: "kc",
  };
  for (const [given, printed] of Object.entries(cases)) {
    const rights = parseRights(given);
    assert.ok(rights !== undefined, given);
    assert.equal(printRights(rights), printed);
  }
  assert.equal(parseRights("lz"), undefined);
  assert.equal(parseRights("L"), undefined);
});

test("changeAcl replaces, adds, removes", () => {
  const acl = parseAcl("alice\tlrswipkxtecdan\tbob\tlr\t");
  const changed = (identifier: string, change: string) => printAcl(changeAcl(acl, identifier, change) ?? []);
  assert.equal(changed("bob", "+sw"), "alice\tlrswipkxtecdan\tbob\tlrsw\t");
  assert.equal(changed("bob", "-r"), "alice\tlrswipkxtecdan\tbob\tl\t");
  assert.equal(changed("bob", "-lr"), "alice\tlrswipkxtecdan\t");
  assert.equal(changed("bob", ""), "alice\tlrswipkxtecdan\t");
  assert.equal(changed("alice", "lrs"), "alice\tlrs\tbob\tlr\t");
  assert.equal(changed("alice", "-c"), "alice\tlrswiptedan\tbob\tlr\t");
  assert.equal(changed("carol", "+l"), "alice\tlrswipkxtecdan\tbob\tlr\tcarol\tl\t");
  assert.equal(changed("-carol", "r"), "alice\tlrswipkxtecdan\tbob\tlr\t-carol\tr\t");
  assert.equal(changeAcl(acl, "bob", "+q"), undefined);
});

test("parseAcl leaves out what is cut off", () => {
  assert.deepEqual(parseAcl(""), []);
  assert.deepEqual(parseAcl("alice\tlr"), []);
  assert.deepEqual(parseAcl("alice\tlr\tbob"), [{ identifier: "alice", rights: "lr" }]);
});

test("parseAcl(printAcl(acl)) = acl, parseRights(printRights(rights)) = rights", () => {
  const identifier = fc.constantFrom("alice", "anyone", "-bob@example.org", "group:staff");
  const rights = fc.integer({ min: 1, max: 2 ** 22 - 1 });
  fc.assert(
    fc.property(fc.array(fc.tuple(identifier, rights)), (entries) => {
      const acl = entries.map(([who, bits]) => ({ identifier: who, rights: printRights(bits) }));
      assert.deepEqual(parseAcl(printAcl(acl)), acl);
      for (const [, bits] of entries) assert.equal(parseRights(printRights(bits)), bits);
    }),
  );
});

test("canonicalIdentifier", () => {
  assert.equal(canonicalIdentifier("Alice"), "alice");
  assert.equal(canonicalIdentifier("-group:Staff"), "-group:staff");
  for (const bad of ["", "-", "--x", "a\tb", "a\nb"]) assert.equal(canonicalIdentifier(bad), undefined);
});

test("initialAcl: owner, parent, default", () => {
  assert.deepEqual(initialAcl("example.org!user.bob", undefined), [
    { identifier: "bob@example.org", rights: "lrswipkxtecdan" },
  ]);
  assert.deepEqual(initialAcl("news", undefined), [{ identifier: "anyone", rights: "lrs" }]);
  const parent = [{ identifier: "bob", rights: "lr" }];
  assert.deepEqual(initialAcl("user.alice.x", parent), parent);
  // An INBOX has no parent that counts.
  assert.deepEqual(initialAcl("user.alice", parent), [{ identifier: "alice", rights: "lrswipkxtecdan" }]);
  assert.equal(Right.administer, parseRights("a"));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  checkNewName,
  childKeyRange,
  compareNames,
  domainOf,
  fromDeletedName,
  inboxOf,
  isBelow,
  isDeletedName,
  isInbox,
  nameFault,
  nameOfSortKey,
  parentOf,
  sortKey,
  toDeletedName,
  userOf,
} from "./names.ts";

test("userOf and inboxOf", () => {
  const owners: readonly (readonly [string, string])[] = [
    ["user.alice", "alice"],
    ["user.alice.Sent.2024", "alice"],
    ["user.j^doe.Sent", "j.doe"],
    ["example.org!user.bob", "bob@example.org"],
    ["example.org!user.bob.Sent", "bob@example.org"],
    ["DELETED.user.alice.Sent.5F3A0B11", "alice"],
    ["example.org!DELETED.user.j^d.5F3A0B11", "j.d@example.org"],
    ["shared.news", ""],
    ["user", ""],
    ["username.x", ""],
  ];
  for (const [name, user] of owners) assert.equal(userOf(name), user, name);
  for (const user of ["alice", "j.doe", "bob@example.org", "a.b@c.d.org"]) {
    assert.equal(userOf(inboxOf(user)), user);
    assert.equal(isInbox(inboxOf(user)), true);
  }
  assert.equal(isInbox("user.alice.Sent"), false);
  assert.equal(isInbox("shared"), false);
  assert.equal(domainOf("example.org!user.bob"), "example.org");
  assert.equal(domainOf("user.bob"), "");
});

test("parentOf stops at the INBOX, the shared top and the domain", () => {
  assert.equal(parentOf("user.alice.a.b"), "user.alice.a");
  assert.equal(parentOf("user.alice.a"), "user.alice");
  assert.equal(parentOf("user.alice"), undefined);
  assert.equal(parentOf("example.org!shared"), undefined);
  assert.equal(parentOf("example.org!shared.x"), "example.org!shared");
  assert.equal(parentOf("DELETED.user.alice.a.5F"), undefined);
  assert.equal(isBelow("user.a.x", "user.a"), true);
  assert.equal(isBelow("user.a-b", "user.a"), false);
  assert.equal(isBelow("user.a", "user.a"), false);
});

test("deleted names lead back", () => {
  assert.equal(toDeletedName("user.alice.Sent", 0x5f3a0b11), "DELETED.user.alice.Sent.5F3A0B11");
  assert.equal(toDeletedName("example.org!user.bob", 255), "example.org!DELETED.user.bob.FF");
  assert.deepEqual(fromDeletedName("example.org!DELETED.user.bob.FF"), {
    name: "example.org!user.bob",
    deletedAtSeconds: 255,
  });
  assert.equal(fromDeletedName("user.alice"), undefined);
  assert.equal(fromDeletedName("DELETED.5F"), undefined);
  assert.equal(isDeletedName("user.DELETED.x"), false);
});

test("names sort with the separator lowest", () => {
  // Order of a full dump by a Cyrus 3.6.1 MUPDATE master, observed.
  const dump = [
    "example.org!user.z",
    "shared",
    "user.A",
    "user.a",
    "user.a.x",
    "user.a-b",
    "user.u1",
    "user^u1",
  ];
  assert.deepEqual(dump.toSorted(compareNames), dump);
  assert.deepEqual(dump.map(sortKey).toSorted().map(nameOfSortKey), dump);
});

test("compareNames orders as sortKey does, and a subtree is one range", () => {
  const name = fc.string({
    unit: fc.constantFrom(".", " ", "-", "a", "b", "^", "!", "A", "&"),
    maxLength: 10,
  });
  fc.assert(
    fc.property(name, name, (a, b) => {
      const left = sortKey(a);
      const right = sortKey(b);
      assert.equal(Math.sign(compareNames(a, b)), left < right ? -1 : left > right ? 1 : 0);
      const range = childKeyRange(a);
      assert.equal(right >= range.from && right < range.to, isBelow(b, a));
    }),
  );
});

test("a new name has no level that a file system takes for this or the upper folder", () => {
  for (const name of ["user.alice.^^.^^.etc", "user.alice.^", "example.org!^^", "shared.^^.x"]) {
    assert.equal(nameFault(name), undefined, name);
    assert.throws(() => checkNewName(name), /hierarchy levels/, name);
  }
  for (const name of ["user.alice.^^^", "user.alice.^profile", "a.b!shared.x^^"]) {
    assert.doesNotThrow(() => checkNewName(name), name);
  }
});

test("nameFault refuses what Cyrus refuses", () => {
  const bad = [
    "",
    "user",
    "user.anyone",
    "user.anonymous",
    "user..x",
    "user.alice.",
    ".x",
    "~x",
    "$RACL",
    "user.alice.a/b",
    "user.alice.a%b",
    'user.alice.a"b',
    "user.alice.a\\b",
    "user.alice.tab\tx",
    "user.alice.ü",
    "user.alice.a&b",
    "user.alice.&AEE-",
    "exa mple!user.x",
    "!user.x",
    `user.${"x".repeat(490)}`,
  ];
  for (const name of bad) assert.notEqual(nameFault(name), undefined, name);
  const good = [
    "user.alice",
    "user.alice.Entw&APw-rfe",
    "user.j^doe.a (b) [c] *#$'+,-:=?@_~",
    "example.org!user.bob.x!y",
    "shared.$news",
    `DELETED.user.${"x".repeat(500)}.5F`,
  ];
  for (const name of good) assert.equal(nameFault(name), undefined, name);
});

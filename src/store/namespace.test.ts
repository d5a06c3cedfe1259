import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StoreError } from "./errors.ts";
import { canonicalUserId, DEFAULT_NAMESPACE, Namespace } from "./namespace.ts";
import type { NamespaceOptions, Viewer } from "./namespace.ts";

const alice: Viewer = { userId: "alice", isAdmin: false };
const bob: Viewer = { userId: "bob@example.org", isAdmin: false };
const admin: Viewer = { userId: "cyrus", isAdmin: true };

const alternative: NamespaceOptions = { ...DEFAULT_NAMESPACE, defaultDomain: "example.test" };
const standard: NamespaceOptions = { ...alternative, altNamespace: false, separator: "." };
const unixStandard: NamespaceOptions = { ...alternative, altNamespace: false };
const across: NamespaceOptions = { ...alternative, crossDomains: true };

/** Both ways, in modified UTF-7. */
const PAIRS: readonly (readonly [NamespaceOptions, Viewer, string, string])[] = [
  [alternative, alice, "user.alice", "INBOX"],
  [alternative, alice, "user.alice.Sent", "Sent"],
  [alternative, alice, "user.alice.a^b.c", "a.b/c"],
  [alternative, alice, "user.alice.INBOX.x", "INBOX/x"],
  [alternative, alice, "user.alice.INBOX", "Alt Folders/INBOX"],
  [alternative, alice, "user.alice.Inbox.x", "Alt Folders/Inbox/x"],
  [alternative, alice, "user.alice.Other Users.x", "Alt Folders/Other Users/x"],
  [alternative, alice, "user.j^doe.Sent", "Other Users/j.doe/Sent"],
  [alternative, alice, "news.comp", "Shared Folders/news/comp"],
  [alternative, bob, "example.org!user.bob.Sent", "Sent"],
  [alternative, bob, "example.org!user.carol", "Other Users/carol"],
  [alternative, bob, "example.org!news", "Shared Folders/news"],
  [standard, alice, "user.alice", "INBOX"],
  [standard, alice, "user.alice.Sent", "INBOX.Sent"],
  [standard, alice, "user.j^doe.x", "user.j^doe.x"],
  [standard, alice, "news.comp", "news.comp"],
  [unixStandard, alice, "user.j^doe.x", "user/j.doe/x"],
  [unixStandard, bob, "example.org!user.bob.x", "INBOX/x"],
  [unixStandard, admin, "user.bob.x", "user/bob/x"],
  [unixStandard, admin, "example.org!user.bob.x", "user/bob/x@example.org"],
  [unixStandard, admin, "DELETED.user.bob.x.5F3A", "DELETED/user/bob/x/5F3A"],
  [alternative, admin, "user.bob.x", "user/bob/x"],
  [alternative, admin, "user.cyrus.x", "INBOX/x"],
  [across, alice, "user.carol.x", "Other Users/carol/x"],
  [across, alice, "example.org!user.bob.x", "Other Users/bob@example.org/x"],
  [across, bob, "user.alice.x", "Other Users/alice@example.test/x"],
  [across, bob, "news.x", "Shared Folders/news@example.test/x"],
  [across, bob, "example.org!user.carol.x", "Other Users/carol/x"],
];

test("Namespace names in both directions", () => {
  for (const [options, viewer, internal, external] of PAIRS) {
    const namespace = new Namespace(viewer, options);
    assert.equal(namespace.toExternal(internal, "mutf7"), external);
    assert.equal(namespace.toInternal(external, "mutf7"), internal);
  }
});

test("INBOX is INBOX in any case", () => {
  assert.equal(new Namespace(alice, alternative).toInternal("inBox", "mutf7"), "user.alice");
  assert.equal(new Namespace(alice, alternative).toInternal("inbox/x", "mutf7"), "user.alice.INBOX.x");
  assert.equal(new Namespace(alice, standard).toInternal("Inbox.x", "mutf7"), "user.alice.x");
});

test("what the viewer cannot see has no name", () => {
  assert.equal(new Namespace(alice, alternative).toExternal("example.org!user.bob", "mutf7"), undefined);
  assert.equal(new Namespace(alice, alternative).toExternal("DELETED.user.alice.x.5F", "mutf7"), undefined);
  assert.equal(new Namespace(alice, standard).toExternal("DELETED.user.alice.x.5F", "mutf7"), undefined);
  assert.equal(new Namespace(bob, alternative).toExternal("news", "mutf7"), undefined);
});

test("toInternal refuses bad names", () => {
  const bad: readonly (readonly [NamespaceOptions, string])[] = [
    [alternative, ""],
    [alternative, "a^b"],
    [alternative, "a//b"],
    [alternative, "a/"],
    [alternative, "Other Users"],
    [alternative, "Shared Folders/user/bob"],
    [alternative, "Shared Folders/DELETED/user/bob/5F"],
    [alternative, "Alt Folders"],
    [alternative, "Entwürfe"],
    [alternative, "x".repeat(2000)],
    [standard, "user"],
    [standard, "INBOX.a/b"],
    [standard, "DELETED.user.bob.5F"],
    [standard, "INBOX..x"],
  ];
  for (const [options, external] of bad) {
    assert.throws(
      () => new Namespace(alice, options).toInternal(external, "mutf7"),
      (error) => error instanceof StoreError && error.code === "mailbox_name_invalid",
      external,
    );
  }
});

test("UTF-8 names are brought into normal form C", () => {
  const namespace = new Namespace(alice, alternative);
  assert.equal(namespace.toInternal("Entwu\u0308rfe & mehr", "utf8"), "user.alice.Entw&APw-rfe &- mehr");
  assert.equal(namespace.toExternal("user.alice.Entw&APw-rfe &- mehr", "utf8"), "Entw\u00fcrfe & mehr");
  assert.equal(namespace.toExternal("user.alice.Entw&APw-rfe", "mutf7"), "Entw&APw-rfe");
});

test("prefixes as Cyrus 3.6.1 answers NAMESPACE", () => {
  assert.deepEqual(new Namespace(alice, alternative).prefixes(), {
    personal: "",
    otherUsers: "Other Users/",
    shared: "Shared Folders/",
  });
  assert.deepEqual(new Namespace(alice, standard).prefixes(), {
    personal: "INBOX.",
    otherUsers: "user.",
    shared: "",
  });
});

test("every name a viewer sees leads back to its mailbox", () => {
  const segment = fc.constantFrom("INBOX", "Inbox", "a", "j^d", "Other Users", "Alt Folders", "x@y", "&APw-");
  const internal = fc
    .tuple(
      fc.constantFrom("", "example.org!"),
      fc.constantFrom("user.alice", "user.bob", "user.j^doe", "news"),
      fc.array(segment, { maxLength: 3 }),
    )
    .map(([domain, top, rest]) => domain + [top, ...rest].join("."));
  const options = fc.constantFrom(alternative, standard, unixStandard, across);
  const viewers = fc.constantFrom(alice, bob);
  const encoding = fc.constantFrom("mutf7" as const, "utf8" as const);
  fc.assert(
    fc.property(internal, options, viewers, encoding, (name, chosen, viewer, how) => {
      const namespace = new Namespace(viewer, chosen);
      const external = namespace.toExternal(name, how);
      if (external !== undefined) assert.equal(namespace.toInternal(external, how), name);
    }),
    { numRuns: 500 },
  );
});

test("canonicalUserId drops the default domain and case", () => {
  assert.equal(canonicalUserId("Alice@Example.Test", "example.test"), "alice");
  assert.equal(canonicalUserId("BOB@example.org", "example.test"), "bob@example.org");
  assert.equal(canonicalUserId("alice", ""), "alice");
});

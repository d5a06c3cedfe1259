import assert from "node:assert/strict";
import { test } from "node:test";
import { effectiveRights, listableRights, readOnlyRights, requireRights, setRights } from "./access.ts";
import type { Accessor } from "./access.ts";
import { parseAcl, printAcl, printRights, Right } from "./acl.ts";
import { StoreError } from "./errors.ts";

const person = (userId: string, ...groups: string[]): Accessor => ({ userId, isAdmin: false, groups });
const admin: Accessor = { userId: "cyrus", isAdmin: true, groups: [] };
const mailbox = (name: string, acl: string) => ({ name, acl: parseAcl(acl) });
const shown = (name: string, acl: string, who: Accessor) =>
  printRights(effectiveRights(mailbox(name, acl), who));

test("effectiveRights", () => {
  const acl = "anyone\tl\tbob\tlr\tgroup:staff\tsw\t-carol\tl\t";
  assert.equal(shown("news", acl, person("bob")), "lr");
  assert.equal(shown("news", acl, person("bob", "staff")), "lrsw");
  assert.equal(shown("news", acl, person("carol", "staff")), "sw");
  assert.equal(shown("news", acl, person("dave")), "l");
  assert.equal(shown("news", "anonymous\tlr\t", person("anonymous")), "lr");
  assert.equal(shown("news", "anonymous\tlr\t", person("dave")), "");
  // A user may be called like a group without being in it.
  assert.equal(shown("news", "group:staff\tlr\t", person("staff")), "");
});

test("owners and admins keep their implicit rights", () => {
  assert.equal(shown("user.alice.x", "", person("alice")), "lkxcan");
  assert.equal(shown("user.alice.x", "-alice\tlrswipkxtecdan\t", person("alice")), "lkxcan");
  assert.equal(shown("user.alice.x", "", admin), "la");
  assert.equal(shown("user.alice.x", "cyrus\tlrx\t", admin), "lrxca");
  assert.equal(shown("DELETED.user.alice.x.5F", "", person("alice")), "");
  assert.equal(shown("example.org!user.alice", "", person("alice")), "");
});

test("readOnlyRights keeps reading and structure", () => {
  assert.equal(
    printRights(readOnlyRights(effectiveRights(mailbox("user.a", "a\tlrswipkxtecdan\t"), person("a")))),
    "lrpkxca",
  );
});

test("requireRights hides what may not be seen", () => {
  const box = mailbox("user.alice", "bob\tl\t");
  const refusal = (who: Accessor) => {
    try {
      requireRights(box, who, Right.read);
    } catch (error) {
      return error instanceof StoreError ? error.code : "bug";
    }
    return "allowed";
  };
  assert.equal(refusal(person("bob")), "permission_denied");
  assert.equal(refusal(person("carol")), "mailbox_not_found");
  assert.equal(refusal(admin), "permission_denied");
});

test("setRights: the owner is not locked out", () => {
  const box = mailbox("user.alice", "alice\tlrswipkxtecdan\tbob\tla\t");
  const result = (who: Accessor, identifier: string, change: string) =>
    printAcl(setRights(box, who, identifier, change) ?? []);
  assert.equal(result(person("alice"), "alice", "lr"), "alice\tlrkxcan\tbob\tla\t");
  assert.equal(result(person("alice"), "alice", ""), "bob\tla\talice\tlkxcan\t");
  assert.equal(result(person("alice"), "bob", ""), "alice\tlrswipkxtecdan\t");
  assert.equal(result(person("bob"), "carol", "lr"), "alice\tlrswipkxtecdan\tbob\tla\tcarol\tlr\t");
  assert.throws(() => result(person("bob"), "alice", "lr"), { code: "permission_denied" });
  assert.throws(() => result(person("bob"), "-alice", "lr"), { code: "permission_denied" });
  assert.throws(() => result(person("carol"), "carol", "lr"), { code: "mailbox_not_found" });
  assert.equal(setRights(box, admin, "bob", "+!"), undefined);
});

test("listableRights", () => {
  assert.equal(listableRights("user.alice", "alice").join(" "), "lkxcan r s w i p t e d 0 1 2 3 4 5 6 7 8 9");
  assert.equal(
    listableRights("user.alice", "bob").join(" "),
    " l r s w i p k x t e c d a n 0 1 2 3 4 5 6 7 8 9",
  );
});

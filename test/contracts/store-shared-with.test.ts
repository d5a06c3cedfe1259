import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { parseAcl } from "../../src/store/acl.ts";
import { StoreTrial } from "../support/store-trial.ts";

test("sharedWith follows rights, renames, deletes and users, and is made for older folders", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const make = async (name: string, acl: string) => (await store.create(name, { acl: parseAcl(acl) })).id;
  const names = (...identifiers: string[]) =>
    [...trial.store.mailboxes.sharedWith(identifiers)].map(({ name }) => name);
  const a = await make("user.a", "a\tlr\tbob\tlr\t");
  await make("user.b", "group:staff\tl\t-bob\tr\t");
  const c = await make("user.c", "anyone\tl\tbob\tl\t");
  assert.deepEqual(names("bob", "group:staff", "anyone"), ["user.a", "user.b", "user.c"]);
  assert.deepEqual([names("-bob"), names("a"), names()], [[], ["user.a"], []]);
  await store.setAcl(a, parseAcl("carol\tl\t"));
  assert.deepEqual([names("bob"), names("carol")], [["user.c"], ["user.a"]]);
  await store.rename(a, "user.z", { withChildren: true, local: true });
  await store.delete(c);
  assert.deepEqual([names("bob"), names("carol")], [[], ["user.z"]]);
  await store.undelete(c);
  await make("user.z.sub", "carol\tlr\t");
  await store.renameUser("carol", "dave");
  assert.deepEqual([names("bob"), names("dave")], [["user.c"], ["user.z", "user.z.sub"]]);
  const before = [names("bob"), names("dave"), names("anyone")];
  await store.close();
  const database = new Database(`${trial.folder}/index.sqlite`);
  database.exec(
    "DROP TABLE acl_grants; DROP TRIGGER grants_of_new; DROP TRIGGER grants_of_changed; DROP TRIGGER grants_of_gone",
  );
  database.pragma("user_version = 2");
  database.close();
  await trial.reopen();
  assert.deepEqual([names("bob"), names("dave"), names("anyone")], before);
});

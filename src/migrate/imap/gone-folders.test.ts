import assert from "node:assert/strict";
import { test } from "node:test";
import { inbox, messages, setUp } from "../../../test/support/migration-scene.ts";

test("engine: folders that a list leaves out are kept, those that are gone are deleted", async (t) => {
  const { migration, store, stored, options } = await setUp(t, inbox(2));
  for (const [index, name] of ["Hidden", "Denied", "Deleted", "Parent", "Other"].entries()) {
    options.folders.push({ name, uidValidity: 20 + index, messages: messages(3) });
  }
  await migration.ok(migration.job({}));
  const removed = (name: string): boolean => name === "Deleted" || name === "Denied";
  options.folders = options.folders.filter(({ name }) => !removed(name));
  // Not a mailbox any more, but there for what lies below it.
  options.folders.find(({ name }) => name === "Parent")!.attributes = "\\Noselect";
  options.unlisted = new Set(["Hidden", "Other"]);
  options.answer = (command) => {
    if (command.startsWith('STATUS "Denied"')) return "TAG NO [NOPERM] not now\r\n";
    if (command.startsWith('STATUS "Parent"')) return "TAG NO not selectable\r\n";
    return command.startsWith('LIST "" "Other"') ? "TAG BAD internal error\r\n" : undefined;
  };
  const result = await migration.ok(migration.job({}));
  for (const name of ["Hidden", "Denied", "Other"]) {
    assert.equal((await stored(`user.alice.${name}`)).size, 3, name);
  }
  assert.equal(store.mailboxes.find("user.alice.Deleted"), undefined);
  assert.equal((await stored("user.alice.Parent")).size, 0);
  const errors = JSON.stringify(result.details);
  assert.match(errors, /Hidden: not in the source's list and kept, since LIST of it alone names it/);
  assert.match(errors, /Denied: .* STATUS of it: NO \[NOPERM\] not now/);
  assert.match(errors, /Other: .* LIST of it alone: BAD internal error/);
  // Listed again, it goes on where it was.
  options.unlisted = new Set();
  assert.equal((await migration.ok(migration.job({}))).syncMessageCount, 0);
});

test("engine: a folder that a list leaves out is not taken for a new one with its UIDVALIDITY", async (t) => {
  const { migration, stored, options } = await setUp(t, inbox(2));
  options.folders.push({ name: "Old", uidValidity: 7, messages: messages(3) });
  await migration.ok(migration.job({}));
  options.unlisted = new Set(["Old"]);
  options.folders.push({ name: "New", uidValidity: 7, messages: messages(4, 50) });
  await migration.ok(migration.job({}));
  assert.equal((await stored("user.alice.Old")).size, 3);
  assert.equal((await stored("user.alice.New")).size, 4);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Fields } from "./fields.ts";

test("Fields: gives values of the type asked for", () => {
  const fields = new Fields({ name: "alice", admin: true, quota: 5, limit: null, targets: ["a", "b"] });
  assert.equal(fields.string("name"), "alice");
  assert.equal(fields.findBoolean("admin"), true);
  assert.equal(fields.findCount("quota"), 5);
  assert.equal(fields.findLimit("limit"), null);
  assert.deepEqual(fields.strings("targets"), ["a", "b"]);
  assert.equal(fields.findString("absent"), undefined);
  fields.end();
});

test("Fields: refuses missing, wrong and unknown arguments by name", () => {
  assert.throws(() => new Fields([]), /not a JSON object/);
  assert.throws(() => new Fields({}).string("name"), /"name" is missing/);
  assert.throws(() => new Fields({ name: 1 }).string("name"), /"name" must be a text/);
  assert.throws(() => new Fields({ quota: -1 }).findCount("quota"), /"quota" must be a whole number/);
  assert.throws(() => new Fields({ targets: ["a", 1] }).strings("targets"), /list of texts/);
  assert.throws(() => new Fields({ nmae: "alice" }).end(), /unknown argument "nmae"/);
});

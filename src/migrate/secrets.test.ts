import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "../base/io/random.ts";
import { MigrateError } from "./errors.ts";
import { StorageKeys } from "./secrets.ts";

const owner = { source: "CustomerX", sourceUid: "user1" };
const keys = new Map([
  ["key1", Buffer.alloc(32, 1)],
  ["hex", Buffer.from(`${"ab".repeat(32)}\n`)],
  ["base64", Buffer.from(Buffer.alloc(32, 7).toString("base64"))],
]);
const noKey = (error: unknown): boolean => error instanceof MigrateError && error.code === "no_key";

test("a password opens with the key of its alias, whichever new ones get", () => {
  for (const alias of keys.keys()) {
    const made = new StorageKeys({ alias, keys, random: systemRandom }).encrypt("pässword", owner);
    assert.equal(made.alias, alias);
    assert.ok(!made.ciphertext.includes("pässword"));
    const other = new StorageKeys({ alias: "key1", keys, random: systemRandom });
    assert.equal(other.decrypt(made, owner), "pässword");
  }
});

test("two encryptions of one password differ", () => {
  const storage = new StorageKeys({ alias: "key1", keys, random: systemRandom });
  assert.notDeepEqual(storage.encrypt("same", owner).ciphertext, storage.encrypt("same", owner).ciphertext);
});

test("a password of another user, changed, or of a missing key does not open", () => {
  const storage = new StorageKeys({ alias: "key1", keys, random: systemRandom });
  const made = storage.encrypt("secret", owner);
  assert.throws(() => storage.decrypt(made, { ...owner, sourceUid: "user2" }), noKey);
  const ciphertext = Buffer.from(made.ciphertext);
  ciphertext[0] = (ciphertext[0] ?? 0) ^ 1;
  assert.throws(() => storage.decrypt({ ...made, ciphertext }, owner), noKey);
  assert.throws(() => storage.decrypt({ ...made, ciphertext: Buffer.alloc(3) }, owner), noKey);
  assert.throws(() => storage.decrypt({ ...made, alias: "gone" }, owner), noKey);
});

test("without a key, or with a file that holds none, passwords are refused", () => {
  const none = new StorageKeys({ alias: undefined, keys: new Map(), random: systemRandom });
  assert.throws(() => none.encrypt("secret", owner), noKey);
  const short = new Map([["short", Buffer.from("password")]]);
  assert.throws(() => new StorageKeys({ alias: "short", keys: short, random: systemRandom }), noKey);
  assert.throws(() => new StorageKeys({ alias: "missing", keys, random: systemRandom }), noKey);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "../base/io/random.ts";
import { generatePassword } from "./password-input.ts";

test("generatePassword: four groups of four letters that are easy to read", () => {
  const passwords = Array.from({ length: 100 }, () => generatePassword(systemRandom));
  for (const password of passwords)
    assert.match(password, /^([abcdefghjkmnpqrstuvwxyz23456789]{4}-){3}[a-z2-9]{4}$/);
  assert.equal(new Set(passwords).size, 100);
});

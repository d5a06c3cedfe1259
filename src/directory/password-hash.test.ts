import { deepEqual, equal, match, notEqual, rejects } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemRandom } from "../base/io/random.ts";
import { makeAppPassword, normalAppPassword } from "./app-password.ts";
import { HashGate } from "./hash-gate.ts";
import { hashPassword, isMadeWith, passwordMatches } from "./password-hash.ts";
import { AuthError } from "./port.ts";

const CHEAP = { memoryKib: 64, passes: 1, lanes: 1 };

test("passwordMatches knows a hash of the reference implementation", async () => {
  // argon2(1) of Debian: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -e
  const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  equal(await passwordMatches("password", phc), true);
  equal(await passwordMatches("Password", phc), false);
});

test("hashPassword writes its cost, and is matched by the same password only", async () => {
  const phc = await hashPassword("wonderland", Buffer.alloc(16, 7), CHEAP);
  match(phc, /^\$argon2id\$v=19\$m=64,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  equal(await passwordMatches("wonderland", phc), true);
  equal(await passwordMatches("wonderland ", phc), false);
  equal(isMadeWith(phc, CHEAP), true);
  equal(isMadeWith(phc, { ...CHEAP, passes: 2 }), false);
});

for (const bad of [
  "",
  "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAA",
  "$argon2id$v=19$m=99999999,t=1,p=1$c29tZXNhbHQ$" + "A".repeat(43),
  "plain",
]) {
  test(`passwordMatches says no to the hash "${bad.slice(0, 40)}"`, async () => {
    equal(await passwordMatches("x", bad), false);
  });
}

test("app passwords are known however they are typed", () => {
  const { id, password } = makeAppPassword(systemRandom);
  match(password, /^[a-z2-7]{4}(-[a-z2-7]{4}){4}$/);
  deepEqual(
    normalAppPassword(` ${password.toUpperCase().replaceAll("-", " ")} `)?.text,
    password.replaceAll("-", ""),
  );
  equal(normalAppPassword(password)?.id, id);
  notEqual(makeAppPassword(systemRandom).password, password);
});

test("normalAppPassword never throws", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void normalAppPassword(text)));
});

test("HashGate runs so many at a time, in order, and refuses beyond its bound", async () => {
  const gate = new HashGate(2);
  const finish: (() => void)[] = [];
  let started = 0;
  const work = () => {
    started++;
    return new Promise<void>((resolve) => finish.push(resolve));
  };
  const running = Array.from({ length: 1002 }, () => gate.run(work));
  equal(started, 2);
  await rejects(gate.run(work), (error) => error instanceof AuthError && error.code === "unavailable");
  while (finish.length > 0) {
    finish.shift()?.();
    for (let turn = 0; turn < 6; turn++) await Promise.resolve();
  }
  await Promise.all(running);
  equal(started, 1002);
  await gate.run(() => Promise.resolve());
});

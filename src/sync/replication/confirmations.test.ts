import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { Confirmations } from "./confirmations.ts";

async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test("confirmations: who waits goes on when his point is passed and he is not stuck", async () => {
  const confirmations = new Confirmations(new SimClock(), 1000, () => assert.fail("given up"));
  const alice = confirmations.wait("alice", 5);
  const bob = confirmations.wait("bob", 5);
  const later = confirmations.wait("alice", 6);
  confirmations.passed(4, () => false);
  assert.equal(await isSettled(alice), false);
  confirmations.passed(5, (user) => user === "bob");
  assert.equal(await isSettled(alice), true);
  assert.equal(await isSettled(bob), false);
  assert.equal(await isSettled(later), false);
  confirmations.passed(6, () => false);
  assert.equal(await isSettled(bob), true);
  assert.equal(await isSettled(later), true);
});

test("confirmations: a replica that is too slow is not waited for until it has caught up", async () => {
  const clock = new SimClock();
  let givenUp = 0;
  const confirmations = new Confirmations(clock, 1000, () => (givenUp += 1));
  const first = confirmations.wait("alice", 1);
  clock.advance(900);
  const second = confirmations.wait("alice", 2);
  assert.equal(await isSettled(first), false);
  clock.advance(100);
  assert.equal(await isSettled(first), true);
  assert.equal(await isSettled(second), true);
  assert.equal(await isSettled(confirmations.wait("alice", 3)), true);
  assert.ok(confirmations.isGivenUp);
  confirmations.caughtUp();
  const again = confirmations.wait("alice", 4);
  assert.equal(await isSettled(again), false);
  confirmations.letGo();
  assert.equal(await isSettled(again), true);
  assert.equal(givenUp, 1);
});

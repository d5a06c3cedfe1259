import assert from "node:assert/strict";
import { test } from "node:test";
import { Breakdown, timed } from "./breakdown.ts";

/** A clock that moves when told. */
class HandClock {
  nowMs = 0;
  readonly read = (): number => this.nowMs;
  pass(ms: number): Promise<void> {
    this.nowMs += ms;
    return Promise.resolve();
  }
}

test("Breakdown: a tree, children by descending time, OTHER last (S2.69, S2.70)", async () => {
  const clock = new HandClock();
  const breakdown = new Breakdown(clock.read);
  await breakdown.request(async () => {
    await clock.pass(27);
    await breakdown.time("SQL", () => clock.pass(11));
    await breakdown.time("EMAIL", async () => {
      await clock.pass(1000);
      await breakdown.time("SQL", () => clock.pass(3));
      await breakdown.time("CACHE", () => clock.pass(16));
      // The category stands once in a branch: this is time of the one above.
      await breakdown.time("EMAIL", () => clock.pass(76));
    });
    await breakdown.time("CACHE", () => clock.pass(14));
  });
  assert.equal(
    breakdown.toString(),
    "REQUEST:1147 (EMAIL:1095 (CACHE:16, SQL:3, OTHER:1076), CACHE:14, SQL:11, OTHER:27)",
  );
});

test("Breakdown: work side by side counts once; failures are counted too", async () => {
  const clock = new HandClock();
  const breakdown = new Breakdown(clock.read);
  await breakdown.request(async () => {
    const gate = Promise.withResolvers<void>();
    const both = Promise.all([
      breakdown.time("SQL", () => gate.promise),
      breakdown.time("SQL", () => gate.promise),
    ]);
    await clock.pass(5);
    gate.resolve();
    await both;
    await assert.rejects(
      breakdown.time("EMAIL", async () => {
        await clock.pass(2);
        throw new Error("gone");
      }),
    );
  });
  assert.equal(breakdown.toString(), "REQUEST:7 (SQL:5, EMAIL:2, OTHER:0)");
});

test("timed: methods count, values and synchronous methods stay as they are, opened collections go on counting", async () => {
  const clock = new HandClock();
  const breakdown = new Breakdown(clock.read);
  class Account {
    readonly #secret = 1;
    readonly userId = "alice";
    release(): number {
      return this.#secret;
    }
    openMail(): Promise<{ uids(): Promise<void> }> {
      return Promise.resolve({ uids: () => clock.pass(3) });
    }
  }
  const account = timed(new Account(), "EMAIL", breakdown);
  assert.equal(account.userId, "alice");
  assert.equal(account.release(), 1);
  await breakdown.request(async () => (await account.openMail()).uids());
  assert.equal(breakdown.toString(), "REQUEST:3 (EMAIL:3, OTHER:0)");
});

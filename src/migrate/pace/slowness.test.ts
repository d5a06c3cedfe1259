import assert from "node:assert/strict";
import { test } from "node:test";
import { Slowness } from "./slowness.ts";

function told(slowness: Slowness, count: number, tookMs: number, bytes = 500_000): string[] {
  const all = Array.from({ length: count }, () => slowness.add({ messages: 100, bytes, tookMs }));
  return all.filter((reason) => reason !== undefined);
}

test("slowness: a host that gets slow is told of once, and again when it gets slower still", () => {
  const slowness = new Slowness();
  assert.deepEqual(told(slowness, 96, 150), []);
  assert.deepEqual(told(slowness, 96, 1900), [
    "answers got slow: 1900 ms for what took 150 ms (100 messages)",
  ]);
  assert.equal(told(slowness, 100, 9000).length, 1);
  // Better, then worse once more.
  assert.deepEqual(told(slowness, 96, 150), []);
  assert.equal(told(slowness, 100, 1900).length, 1);
});

test("slowness: one slow block, larger messages and what nobody would notice are not slowness", () => {
  const slowness = new Slowness();
  told(slowness, 80, 20);
  assert.deepEqual(told(slowness, 8, 5000), []);
  assert.deepEqual(told(slowness, 80, 20), []);
  assert.deepEqual(told(slowness, 80, 5000, 50_000_000), []);
  assert.deepEqual(told(slowness, 80, 900), []);
});

test("slowness: a host that was slow from the beginning is as it is", () => {
  assert.deepEqual(told(new Slowness(), 500, 20_000), []);
});

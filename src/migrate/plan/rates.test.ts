import assert from "node:assert/strict";
import { test } from "node:test";
import { Rates } from "./rates.ts";

const FIRST = {
  atMs: 0,
  done: 0,
  failed: 0,
  queued: 0,
  pausedCount: 0,
  runningCount: 1,
  messagesDone: 1000,
  messagesTotal: 2000,
  bytesDone: 0,
  bytesTotal: 0,
  messagesPerSecond: 0,
  bytesPerSecond: 0,
};

function jobs(...messages: readonly (readonly [id: number, messages: number])[]) {
  return new Map(messages.map(([id, messagesDone]) => [id, { messagesDone, bytesDone: messagesDone * 10 }]));
}

test("Rates: time left is known from the first look where hosts tell their rate, by what takes longer", () => {
  assert.equal(new Rates(FIRST).secondsLeft, undefined);
  assert.equal(new Rates({ ...FIRST, messagesPerSecond: 100 }).secondsLeft, 10);
  const large = { ...FIRST, messagesPerSecond: 100, bytesTotal: 50_000, bytesPerSecond: 1000 };
  assert.equal(new Rates(large).secondsLeft, 50);
  // Three more of the kind that runs; one of those queued waits for room.
  assert.equal(new Rates({ ...FIRST, messagesPerSecond: 100, queued: 4, pausedCount: 1 }).secondsLeft, 70);
});

test("Rates: what jobs had behind them before they were seen is no rate; single looks are smoothed", () => {
  const rates = new Rates({ ...FIRST, runningCount: 2 }, jobs([1, 500]));
  rates.add({ ...FIRST, runningCount: 2, atMs: 1000, messagesDone: 1600 }, jobs([1, 600], [2, 1000]));
  assert.equal(rates.secondsLeft, 4);
  rates.add({ ...FIRST, runningCount: 2, atMs: 2000, messagesDone: 1600 }, jobs([1, 600], [2, 1000]));
  // Workers have only not told yet.
  assert.equal(rates.secondsLeft, 8);
});

test("Rates: users who end tell more once as many have ended as run at a time", () => {
  const first = { ...FIRST, queued: 100, runningCount: 2, messagesPerSecond: 1 };
  const rates = new Rates(first);
  rates.add({ ...first, atMs: 5000, queued: 99, done: 1, messagesPerSecond: 1 }, new Map());
  assert.equal(rates.secondsLeft, 505);
  rates.add({ ...first, atMs: 10_000, queued: 90, done: 9, failed: 1 }, new Map());
  assert.equal(rates.secondsLeft, 92);
  rates.add({ ...first, atMs: 20_000, queued: 0, runningCount: 0, done: 102 }, new Map());
  assert.equal(rates.secondsLeft, 0);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "../../test/sim/sim-clock.ts";
import { SilenceWatch } from "./silence-watch.ts";
import { Throttle } from "./throttle.ts";

test("SilenceWatch: what the peer says, work under way and a changed limit put the end off", () => {
  const clock = new SimClock();
  let limitMs = 10_000;
  let isBusy = false;
  let silentAtMs = -1;
  const startMs = clock.monotonicMs();
  const watch = new SilenceWatch(clock, {
    limitMs: () => limitMs,
    isBusy: () => isBusy,
    onSilent: () => (silentAtMs = clock.monotonicMs() - startMs),
  });
  clock.advance(9_000);
  watch.heard();
  clock.advance(9_000);
  assert.equal(silentAtMs, -1);
  isBusy = true;
  clock.advance(5_000);
  assert.equal(silentAtMs, -1);
  limitMs = 0;
  isBusy = false;
  clock.advance(100_000);
  assert.equal(silentAtMs, -1);
  limitMs = 10_000;
  clock.advance(60_000);
  assert.ok(silentAtMs > 123_000);
  watch.stop();
});

test("Throttle: pauses and resumes once each", () => {
  const calls: string[] = [];
  const throttle = new Throttle({ pause: () => calls.push("pause"), resume: () => calls.push("resume") });
  for (const isFull of [false, true, true, false, false, true]) throttle.set(isFull);
  assert.deepEqual(calls, ["pause", "resume", "pause"]);
});

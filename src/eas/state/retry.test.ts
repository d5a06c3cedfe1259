import assert from "node:assert/strict";
import { test } from "node:test";
import { SqlError } from "../../base/io/sql/port.ts";
import { Logs } from "../../base/log.ts";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { withRetries } from "./retry.ts";

function policy() {
  const clock = new SimClock();
  const delays: number[] = [];
  const events: unknown[] = [];
  const logs = new Logs({
    level: "info",
    format: "json",
    destination: (line) => events.push((JSON.parse(line) as { event: unknown }).event),
  });
  const timer = clock.setTimer.bind(clock);
  clock.setTimer = (delayMs, fire) => {
    delays.push(delayMs);
    const set = timer(delayMs, fire);
    queueMicrotask(() => clock.advance(delayMs));
    return set;
  };
  return { clock, log: logs.named("eas"), maxRetries: 3, delayMs: 50, delays, events };
}

test("withRetries: tries again after longer and longer pauses, and says so", async () => {
  const own = policy();
  let failures = 2;
  const result = await withRetries(own, "query", () =>
    failures-- > 0 ? Promise.reject(new SqlError("unavailable", "away")) : Promise.resolve("there"),
  );
  assert.equal(result, "there");
  assert.deepEqual(own.delays, [50, 100]);
  assert.deepEqual(own.events, ["Retrying on unavailable exception", "Retrying on unavailable exception"]);
});

test("withRetries: gives up after the last, and never repeats what was refused", async () => {
  const own = policy();
  let attempts = 0;
  const failing = (code: "unavailable" | "refused") => () => {
    attempts += 1;
    return Promise.reject(new SqlError(code, "no"));
  };
  await assert.rejects(withRetries(own, "query", failing("unavailable")), SqlError);
  assert.equal(attempts, 4);
  await assert.rejects(withRetries(own, "query", failing("refused")), SqlError);
  assert.equal(attempts, 5);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadGate } from "./read-gate.ts";

test("read gate: it says that it holds until something was stored, also when its bound grows meanwhile", () => {
  const calls: string[] = [];
  const gate = new ReadGate({ hold: () => calls.push("hold"), readOn: () => calls.push("on") });
  let bound = 100;
  gate.maxBytes = () => bound;
  gate.took(60);
  assert.equal(gate.isHolding, false);
  gate.took(60);
  assert.deepEqual(calls, ["hold"]);
  // Another job has ended: this one's share is larger, but its connection is still not read.
  bound = 1000;
  assert.equal(gate.isHolding, true);
  gate.gave(1, 60);
  assert.equal(gate.isHolding, false);
  assert.deepEqual(calls, ["hold", "on"]);
});

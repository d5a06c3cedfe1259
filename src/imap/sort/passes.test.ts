import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { atOnce } from "../turns.ts";
import { countingPass, numberPasses } from "./passes.ts";

/** A stable sort by the book. */
function sorted(keys: readonly number[], reverse: boolean): number[] {
  return keys
    .map((key, i) => [key, i] as const)
    .sort(([a], [b]) => (reverse ? b - a : a - b))
    .map(([, i]) => i);
}

const identity = (keys: readonly number[]): Uint32Array => Uint32Array.from(keys, (_, i) => i);

test("numberPasses: whole numbers of any size, ties in their order in reverse too", () => {
  const number = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -6e13, max: 2.6e14 }));
  fc.assert(
    fc.property(fc.array(number), fc.boolean(), (keys, reverse) => {
      const order = atOnce(numberPasses(identity(keys), Float64Array.from(keys), reverse));
      assert.deepEqual(Array.from(order), sorted(keys, reverse));
    }),
  );
});

test("countingPass: a stable sort, ties in their order in reverse too", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(6)), fc.boolean(), (keys, reverse) => {
      const order = atOnce(countingPass(identity(keys), Uint32Array.from(keys), 7, reverse));
      assert.deepEqual(Array.from(order), sorted(keys, reverse));
    }),
  );
});

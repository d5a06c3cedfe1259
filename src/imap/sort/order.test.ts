import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { countingPass, denseRanks } from "./order.ts";

test("denseRanks: equal numbers share a rank, ranks follow the numbers", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 1e12 })), (numbers) => {
      const { of, bound } = denseRanks(Float64Array.from(numbers));
      numbers.forEach((a, i) =>
        numbers.forEach((b, j) => assert.equal(Math.sign(of[i]! - of[j]!), Math.sign(a - b))),
      );
      assert.ok(of.every((rank) => rank < Math.max(bound, 1)));
    }),
  );
});

test("countingPass: a stable sort, ties in their order in reverse too", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(6)), fc.boolean(), (keys, reverse) => {
      const ranks = { of: Uint32Array.from(keys), bound: 7 };
      const order = countingPass(
        Uint32Array.from(keys, (_, i) => i),
        ranks,
        reverse,
      );
      const expected = keys
        .map((key, i) => [key, i] as const)
        .sort(([a], [b]) => (reverse ? b - a : a - b))
        .map(([, i]) => i);
      assert.deepEqual(Array.from(order), expected);
    }),
  );
});

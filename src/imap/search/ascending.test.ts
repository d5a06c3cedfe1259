import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Ascending } from "./ascending.ts";

test("Ascending: has what a Set of the same numbers has", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(30)), (numbers) => {
      const set = new Set(numbers);
      const ascending = new Ascending(numbers.sort((a, b) => a - b));
      for (let number = -1; number <= 31; number++) assert.equal(ascending.has(number), set.has(number));
    }),
  );
});

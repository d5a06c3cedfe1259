import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  countOf,
  normalizeRanges,
  numbersOf,
  parseRanges,
  printNumbers,
  printRanges,
  rangesInclude,
} from "./number-set.ts";

test("number set: print(parse(x)) is the normal form", () => {
  assert.equal(printRanges(parseRanges("7,1:3,4,5:2") ?? []), "1:5,7");
  assert.equal(printNumbers([1, 2, 2, 3, 9]), "1:3,9");
  for (const bad of ["", "0", "1:", "a", "1,,2", "4294967296", "*"])
    assert.equal(parseRanges(bad), undefined);
});

test("number set: membership and count agree with the plain set", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 5 }))),
      (pairs) => {
        const ranges = normalizeRanges(pairs.map(([first, more]) => ({ first, last: first + more })));
        const plain = new Set(
          pairs.flatMap(([first, more]) => Array.from({ length: more + 1 }, (_, i) => first + i)),
        );
        assert.deepEqual(
          [...numbersOf(ranges)],
          [...plain].sort((a, b) => a - b),
        );
        assert.equal(countOf(ranges), plain.size);
        for (let value = 0; value < 70; value++) assert.equal(rangesInclude(ranges, value), plain.has(value));
        if (ranges.length > 0) assert.deepEqual(parseRanges(printRanges(ranges)), ranges);
      },
    ),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { UidSet } from "./uid-set.ts";

const uid = fc.integer({ min: 1, max: 300 });
const steps = fc.array(fc.tuple(fc.boolean(), uid), { maxLength: 400 });

function encoded(set: UidSet): Buffer {
  const writer = new ByteWriter();
  set.encode(writer);
  return writer.finish();
}

test("UidSet is a set", () => {
  fc.assert(
    fc.property(steps, (list) => {
      const set = new UidSet();
      const model = new Set<number>();
      for (const [add, value] of list) {
        if (add) set.add(value);
        else set.remove(value);
        if (add) model.add(value);
        else model.delete(value);
      }
      const sorted = [...model].sort((a, b) => a - b);
      assert.deepEqual([...set], sorted);
      assert.equal(set.count, model.size);
      assert.deepEqual([...UidSet.decode(new ByteReader(encoded(set)))], sorted);
      for (let value = 0; value <= 301; value++) assert.equal(set.has(value), model.has(value));
    }),
  );
});

test("UidSet compares with the UIDs of a mailbox", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(uid),
      fc.uniqueArray(uid),
      fc.integer({ min: 0, max: 40 }),
      (own, live, limit) => {
        const set = UidSet.of(own);
        const sorted = Uint32Array.from(live).sort();
        assert.deepEqual(
          set.missingFrom(sorted),
          own.filter((value) => !live.includes(value)).sort((a, b) => a - b),
        );
        assert.deepEqual(
          set.newestOutside(sorted, limit),
          live
            .filter((value) => !own.includes(value))
            .sort((a, b) => b - a)
            .slice(0, limit),
        );
      },
    ),
  );
});

test("UidSet of 100,000 items is small, with holes or without", () => {
  const whole = new UidSet();
  const holes = new UidSet();
  for (let value = 1; value <= 100_000; value++) {
    whole.add(value);
    if (value % 2 === 0) holes.add(2_000_000 + value);
  }
  assert.ok(encoded(whole).length < 16);
  assert.ok(encoded(holes).length < 100_000 / 8 + 16);
  assert.equal(holes.count, 50_000);
});

test("numbers of 53 bits come back", () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat()), (values) => {
      const writer = new ByteWriter();
      for (const value of values) writer.number(value);
      const reader = new ByteReader(writer.finish());
      for (const value of values) assert.equal(reader.number(), value);
    }),
  );
});

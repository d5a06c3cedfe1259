import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WordTable } from "./word-table.ts";

test("WordTable: numbers words as a Map does, and writes them as they are", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "é", "漢", "😀", "\ud83d"), maxLength: 4 });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 2000 }), (words) => {
      const table = new WordTable();
      const numbers = new Map<string, number>();
      for (const one of words) {
        if (!numbers.has(one)) numbers.set(one, numbers.size);
        assert.equal(table.numberOf(`x${one}y`, 1, 1 + one.length), numbers.get(one));
      }
      assert.equal(table.count, numbers.size);
      const bytes = Buffer.alloc(64);
      for (const [one, number] of numbers) {
        assert.equal(bytes.toString("utf8", 0, table.write(number, bytes, 0)), Buffer.from(one).toString());
      }
    }),
    { numRuns: 30 },
  );
});

test("WordTable: grows", () => {
  const table = new WordTable();
  for (let i = 0; i < 5000; i++) assert.equal(table.numberOf(String(i), 0, String(i).length), i);
  for (let i = 0; i < 5000; i++) assert.equal(table.numberOf(String(i), 0, String(i).length), i);
  assert.equal(table.count, 5000);
});

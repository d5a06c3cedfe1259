import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MessageSummary } from "../../mime/summary.ts";
import { summarize } from "../../mime/summarize.ts";
import { atOnce } from "../turns.ts";
import { StringColumn } from "./string-column.ts";
import { TextColumn } from "./text-column.ts";

/** A summary that says `text` where the columns below look. */
function saying(text: string): MessageSummary {
  return { ...BLANK, preview: text };
}
const BLANK = summarize(Buffer.from("Subject: x\r\n\r\n"));
const read = ({ preview }: MessageSummary): string => preview;

test("TextColumn: finds what a scan of each text finds, texts never run together", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "Ä", "\0", "😀"), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(text), text, (texts, needle) => {
      fc.pre(needle !== "" && !needle.includes("\0"));
      const column = new TextColumn(read);
      texts.forEach((value, i) => column.add(3 * i + 1, saying(value)));
      const expected = texts.flatMap((value, i) => (value.includes(needle) ? [3 * i + 1] : []));
      assert.deepEqual([...atOnce(column.containing(needle))], expected);
    }),
  );
});

test("StringColumn: ranks follow the strings, whenever they came", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.string({ maxLength: 3 }))), (rounds) => {
      const column = new StringColumn(read);
      const all: string[] = [];
      for (const round of rounds) {
        for (const value of round) {
          all.push(value);
          column.add(all.length, saying(value));
        }
        atOnce(column.settle());
      }
      const { ranks, bound } = atOnce(column.ranksOf(all.map((_, i) => i + 1)));
      assert.equal(bound, new Set(all).size + 1);
      all.forEach((a, i) =>
        all.forEach((b, j) => assert.equal(Math.sign(ranks[i]! - ranks[j]!), a === b ? 0 : a < b ? -1 : 1)),
      );
    }),
  );
});

test("StringColumn: more strings than are sorted in one step", () => {
  const column = new StringColumn(read);
  for (let uid = 1; uid <= 3000; uid++) column.add(uid, saying(String((uid * 7919) % 3001)));
  atOnce(column.settle());
  const { ranks } = atOnce(column.ranksOf(Array.from({ length: 3000 }, (_, i) => i + 1)));
  const sorted = Array.from({ length: 3000 }, (_, i) => String(((i + 1) * 7919) % 3001)).sort();
  assert.equal(sorted[ranks[41]!], String((42 * 7919) % 3001));
});

test("Column: positions of some UIDs, -1 for those that are not there", () => {
  const column = new TextColumn(read);
  for (const uid of [2, 5, 9]) column.add(uid, saying("x"));
  assert.deepEqual(Array.from(atOnce(column.positionsOf([1, 2, 9, 10]))), [-1, 0, 2, -1]);
});

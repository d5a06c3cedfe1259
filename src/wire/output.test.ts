import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Output } from "./output.ts";

test("output: bytes come out in order, large ones by reference, interleaved writers apart", () => {
  const piece = fc.oneof(
    fc.nat().map((value) => ({ text: String(value), write: (out: Output) => out.number(value) })),
    fc.array(fc.nat({ max: 2 ** 40 })).map((values) => ({
      text: values.map((value) => ` ${value}`).join(""),
      write: (out: Output) => out.numbers(values),
    })),
    fc.string({ unit: "grapheme-ascii" }).map((text) => ({ text, write: (out: Output) => out.ascii(text) })),
    fc.integer({ min: 1, max: 30_000 }).map((size) => {
      const bytes = Buffer.alloc(size, size % 128);
      return { text: bytes.toString("latin1"), write: (out: Output) => out.bytes(bytes) };
    }),
    fc.constant({ text: "", write: (out: Output) => out.flush() }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), piece)), (steps) => {
      const got: [Buffer[], Buffer[]] = [[], []];
      const outs = got.map((list) => new Output((bytes) => list.push(bytes)));
      const expected = ["", ""];
      for (const [second, step] of steps) {
        const index = second ? 1 : 0;
        step.write(outs[index]!);
        expected[index] += step.text;
      }
      outs.forEach((out, index) => {
        out.flush();
        assert.ok(Buffer.concat(got[index]!).equals(Buffer.from(expected[index]!, "latin1")));
        assert.equal(out.totalBytes, expected[index]!.length);
      });
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { TopCutter } from "./top-cutter.ts";

const MESSAGE = "A: 1\r\nB: 2\r\n\r\none\r\n\r\nthree\r\n";

function cut(pieces: readonly string[], lines: number): string {
  const cutter = new TopCutter(lines);
  let taken = "";
  for (const text of pieces) {
    const end = cutter.read(Buffer.from(text));
    taken += end < 0 ? text : text.slice(0, end);
    if (end >= 0) break;
  }
  return taken;
}

test("TopCutter ends after the header and so many lines", () => {
  assert.equal(cut([MESSAGE], 0), "A: 1\r\nB: 2\r\n\r\n");
  assert.equal(cut([MESSAGE], 1), "A: 1\r\nB: 2\r\n\r\none\r\n");
  assert.equal(cut([MESSAGE], 2), "A: 1\r\nB: 2\r\n\r\none\r\n\r\n");
  assert.equal(cut([MESSAGE], 9), MESSAGE);
});

test("TopCutter does not mind where pieces end", () => {
  for (let lines = 0; lines < 4; lines += 1) {
    for (let at = 0; at <= MESSAGE.length; at += 1) {
      assert.equal(cut([MESSAGE.slice(0, at), MESSAGE.slice(at)], lines), cut([MESSAGE], lines));
    }
    assert.equal(cut(Array.from(MESSAGE), lines), cut([MESSAGE], lines));
  }
});

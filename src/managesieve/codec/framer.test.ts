import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Frame, Framer } from "./framer.ts";
import { printString } from "./writer.ts";

function frames(pieces: readonly Buffer[], maxLiteralBytes = 100): Frame[] {
  const framer = new Framer(maxLiteralBytes);
  const found: Frame[] = [];
  for (const piece of pieces) {
    framer.push(piece);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) found.push(frame);
  }
  return found;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

test("Framer reads atoms, numbers, quoted strings and literals", () => {
  const [frame] = frames([Buffer.from('havespace "a \\"b\\\\" 12 {3+}\r\nx\r\n\r\n')]);
  assert.deepEqual(frame, {
    kind: "line",
    args: [
      { kind: "atom", text: "HAVESPACE" },
      { kind: "string", bytes: Buffer.from('a "b\\') },
      { kind: "number", value: 12 },
      { kind: "string", bytes: Buffer.from("x\r\n") },
    ],
  });
});

test("Framer drops what is too big or wrong with its literals, and understands what follows", () => {
  const big = `PUTSCRIPT "a" {200+}\r\n${"x".repeat(200)}\r\nNOOP\r\n`;
  const bad = "PUTSCRIPT !! {4+}\r\n\r\nA\n {2+}\r\n\r\n\r\nNOOP\r\n";
  for (const text of [big, bad]) {
    const kinds = frames([Buffer.from(text)]).map((frame) => frame.kind);
    assert.deepEqual(kinds, [text === big ? "too_big" : "bad", "line"]);
  }
  const long = frames([Buffer.from(`NOOP "${"x".repeat(40_000)}`), Buffer.from('"\r\nNOOP\r\n')]);
  assert.deepEqual(
    long.map(({ kind }) => kind),
    ["bad", "line"],
  );
});

test("Framer reads what printString wrote, in any pieces", () => {
  const value = fc.string({ unit: "grapheme", maxLength: 60 });
  fc.assert(
    fc.property(fc.array(value, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 6 }), (texts, places) => {
      const line = Buffer.from(`X ${texts.map(printString).join(" ")}`.trimEnd() + "\r\n");
      const [frame, ...more] = frames(cut(line, places), 10_000);
      assert.deepEqual(more, []);
      assert.ok(frame?.kind === "line");
      const read = frame.args.slice(1).map((one) => (one.kind === "string" ? one.bytes.toString() : ""));
      assert.deepEqual(read, texts);
    }),
  );
});

test("Framer takes any bytes, and pieces make no difference", () => {
  const word = fc.constantFrom(
    "A ",
    '"',
    "\\",
    "{3+}\r\n",
    "{",
    "}",
    "\r\n",
    "\r",
    "\n",
    " ",
    "1",
    "\xff",
    "*",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 8 }), (words, places) => {
      const bytes = Buffer.from(words.join(""), "latin1");
      assert.deepEqual(frames(cut(bytes, places), 2), frames([bytes], 2));
    }),
  );
});

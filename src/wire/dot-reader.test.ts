import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DotReader } from "./dot-reader.ts";
import { stuffDots } from "./dot-writer.ts";

/** Feeds `wire` in pieces cut at `cuts`; content and how many bytes the data took (-1 = no end). */
function read(wire: Buffer, cuts: readonly number[] = []): { content: Buffer; taken: number } {
  const reader = new DotReader();
  const pieces: Buffer[] = [];
  const ends = [...cuts.map((cut) => cut % (wire.length + 1)).sort((a, b) => a - b), wire.length];
  let start = 0;
  for (const end of ends) {
    const taken = reader.read(wire.subarray(start, end), (source, from, to) => {
      pieces.push(Buffer.from(source.subarray(from, to)));
    });
    if (taken >= 0) return { content: Buffer.concat(pieces), taken: start + taken };
    start = end;
  }
  return { content: Buffer.concat(pieces), taken: -1 };
}

const cases: readonly [string, string, string][] = [
  ["an empty message", ".\r\n", ""],
  ["one line", "a\r\n.\r\n", "a\r\n"],
  ["a stuffed dot", "..\r\n.\r\n", ".\r\n"],
  ["stuffed dots in text", "a\r\n..b\r\n...c\r\n.\r\n", "a\r\n.b\r\n..c\r\n"],
  ["a dot not stuffed, RFC 5321 §4.5.2: deleted", "a\r\n.b\r\n.\r\n", "a\r\nb\r\n"],
  ["dot and bare CR at the start of a line", "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n"],
  ["dot and two CR", "a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n"],
  ["LF dot LF is content", "a\n.\nb\r\n.\r\n", "a\n.\nb\r\n"],
  ["LF dot CRLF is content", "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n"],
  ["CRLF dot LF does not end; its dot goes", "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n"],
  ["CR dot CR is content", "a\r.\rb\r\n.\r\n", "a\r.\rb\r\n"],
  ["CR CRLF", "a\r\r\n.\r\n", "a\r\r\n"],
  ["NUL and 8-bit bytes", "\0\xff\r\n.\r\n", "\0\xff\r\n"],
];
for (const [name, wire, content] of cases) {
  test(`DotReader reads ${name}`, () => {
    const bytes = Buffer.from(wire, "latin1");
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const result = read(Buffer.concat([bytes, Buffer.from("NOOP\r\n")]), [cut]);
      assert.deepEqual(result, { content: Buffer.from(content, "latin1"), taken: bytes.length });
    }
  });
}

test("DotReader undoes stuffDots for any bytes in any pieces", () => {
  // Bytes that matter are made likely.
  const byte = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(13, 10, 46) }, fc.nat(255));
  fc.assert(
    fc.property(
      fc.array(byte, { maxLength: 200 }),
      fc.array(fc.nat(300), { maxLength: 6 }),
      (bytes, cuts) => {
        const message = Buffer.from(bytes);
        const wire = Buffer.concat([...stuffDots(message)]);
        const whole = message.length === 0 || message.subarray(-2).toString("latin1") === "\r\n";
        const expected = whole ? message : Buffer.concat([message, Buffer.from("\r\n")]);
        assert.deepEqual(read(wire, cuts), { content: expected, taken: wire.length });
      },
    ),
  );
});

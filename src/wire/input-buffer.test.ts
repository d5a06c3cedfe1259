import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InputBuffer, type Line, MAX_LINE_BYTES } from "./input-buffer.ts";

function linesOf(...chunks: (string | Buffer)[]): Line[] {
  const input = new InputBuffer();
  const lines: Line[] = [];
  for (const chunk of chunks) {
    input.push(Buffer.from(chunk));
    for (let line = input.nextLine(); line !== undefined; line = input.nextLine()) lines.push(line);
  }
  return lines;
}

test("InputBuffer hands out lines however they were cut", () => {
  assert.deepEqual(linesOf("NO", "OP\r", "\nRSET\r\nQU"), [
    { kind: "line", text: "NOOP" },
    { kind: "line", text: "RSET" },
  ]);
});

test("InputBuffer tells bare line ends and bytes that are no UTF-8", () => {
  assert.deepEqual(linesOf("NOOP\nA\rB\r\n", Buffer.from([0xff, 13, 10]), "ä\r\n"), [
    { kind: "bare_line_end" },
    { kind: "bare_line_end" },
    { kind: "not_utf8" },
    { kind: "line", text: "ä" },
  ]);
});

test("InputBuffer drops a line over the bound and goes on behind it", () => {
  const input = new InputBuffer();
  for (let count = 0; count < 100; count += 1) {
    input.push(Buffer.alloc(10_000, 65));
    assert.equal(input.nextLine(), undefined);
    assert.ok(input.length <= MAX_LINE_BYTES);
  }
  input.push(Buffer.from("\r\nNOOP\r\n"));
  assert.deepEqual(input.nextLine(), { kind: "too_long" });
  assert.deepEqual(input.nextLine(), { kind: "line", text: "NOOP" });
});

test("InputBuffer gives back what was taken too much", () => {
  const input = new InputBuffer();
  input.push(Buffer.from("dataNOOP\r\n"));
  assert.equal(input.take(6).toString(), "dataNO");
  input.giveBack(2);
  assert.deepEqual(input.nextLine(), { kind: "line", text: "NOOP" });
});

test("InputBuffer takes hostile bytes in any pieces and yields the same lines", () => {
  const byte = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(13, 10, 0x20, 0xc3) }, fc.nat(255));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 100 }), fc.nat(100), (bytes, cut) => {
      const all = Buffer.from(bytes);
      assert.deepEqual(linesOf(all.subarray(0, cut), all.subarray(cut)), linesOf(all));
    }),
  );
});

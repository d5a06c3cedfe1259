import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ResponseReader, type Token } from "./response-reader.ts";

const token = fc.oneof(
  fc
    .constantFrom("OK", "NO", "ACTIVE", "(", ")", "QUOTA/MAXSIZE")
    .map((text): Token => ({ kind: "atom", text })),
  fc.uint8Array({ maxLength: 40 }).map((bytes): Token => ({ kind: "string", bytes: Buffer.from(bytes) })),
);

/** Quoted where it can be. */
function print(line: readonly Token[]): Buffer {
  const parts = line.flatMap((one): Buffer[] => {
    if (one.kind === "atom") return [Buffer.from(`${one.text} `)];
    const text = one.bytes.toString("latin1");
    if (/[\r\n]/.test(text)) return [Buffer.from(`{${one.bytes.length}}\r\n`), one.bytes, Buffer.from(" ")];
    return [Buffer.from(`"${text.replace(/["\\]/g, "\\$&")}" `, "latin1")];
  });
  return Buffer.concat([...parts, Buffer.from("\r\n")]);
}

function readAll(reader: ResponseReader, bytes: Buffer, pieceBytes: number): (readonly Token[])[] {
  const lines: (readonly Token[])[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    reader.push(bytes.subarray(at, at + pieceBytes));
    for (let line = reader.next(); line !== undefined; line = reader.next()) lines.push(line);
  }
  return lines;
}

test("ResponseReader: lines come back, however they are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(token, { maxLength: 8 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 60 }),
      (lines, pieceBytes) => {
        const bytes = Buffer.concat(lines.map(print));
        assert.deepEqual(readAll(new ResponseReader(), bytes, pieceBytes), lines);
      },
    ),
  );
});

test("ResponseReader: hostile bytes are refused or waited for, within a bound", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readAll(new ResponseReader(), Buffer.from(bytes), 7);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
  );
  for (const bad of ["{99999999}\r\n", "{x}\r\n", "OK\rx", `OK ${"( ".repeat(200)}`, '"a\r\n']) {
    assert.throws(() => readAll(new ResponseReader(), Buffer.from(bad), 9), RangeError, bad);
  }
  const endless = new ResponseReader();
  assert.throws(() => {
    for (let pieces = 0; pieces < 100; pieces++) {
      endless.push(Buffer.alloc(65_536, "x"));
      assert.equal(endless.next(), undefined);
    }
  }, RangeError);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Output } from "../../wire/output.ts";
import { ImapRefusal } from "../refusal.ts";
import { printDateTime, readDate, readDateTime } from "./date.ts";
import { Framer } from "./framer.ts";
import { Reader, STAR } from "./reader.ts";
import { writeAstring, writeLiteral8, writeString } from "./writer.ts";

function readerOf(bytes: Buffer | string): Reader {
  const framer = new Framer(1_000_000);
  framer.push(Buffer.concat([Buffer.from(bytes), Buffer.from("\r\n")]));
  for (;;) {
    const event = framer.next();
    if (event?.kind === "literal") framer.acceptLiteral();
    else if (event?.kind === "frame") return new Reader(event.frame);
    else throw new Error("not a frame");
  }
}

function written(write: (out: Output) => void): Buffer {
  const pieces: Buffer[] = [];
  const out = new Output((bytes) => pieces.push(bytes));
  write(out);
  out.flush();
  return Buffer.concat(pieces);
}

test("reader: strings that were written are read back", () => {
  const text = fc.string({ unit: "grapheme" }).filter((value) => !value.includes("\0"));
  fc.assert(
    fc.property(text, fc.boolean(), (value, utf8) => {
      assert.equal(readerOf(written((out) => writeString(out, value, utf8))).string(), value);
      assert.equal(readerOf(written((out) => writeAstring(out, value, utf8))).astring(), value);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array(), (value) => {
      assert.deepEqual(
        readerOf(written((out) => writeLiteral8(out, value))).literal8OrString(),
        Buffer.from(value),
      );
    }),
  );
});

test("reader: sequence sets", () => {
  assert.deepEqual(readerOf("1,4:2,*:7").sequenceSet(), {
    saved: false,
    ranges: [
      { first: 1, last: 1 },
      { first: 2, last: 4 },
      { first: 7, last: STAR },
    ],
  });
  assert.equal(readerOf("$").sequenceSet().saved, true);
  for (const wrong of ["0", "1:", "a", "", ",1", "4294967296"]) {
    assert.throws(() => readerOf(wrong).sequenceSet(), ImapRefusal, wrong);
  }
});

test("reader: dates", () => {
  assert.equal(readDate(readerOf("1-Feb-1994")), Date.UTC(1994, 1, 1) / 1000);
  assert.equal(
    readDateTime(readerOf('"17-Jul-1996 02:44:25 -0700"')),
    Date.UTC(1996, 6, 17, 9, 44, 25) / 1000,
  );
  for (const wrong of ["31-Feb-1994", "1-Foo-1994", "1-1-1994"]) {
    assert.throws(() => readDate(readerOf(wrong)), ImapRefusal, wrong);
  }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (seconds) => {
      assert.equal(readDateTime(readerOf(`"${printDateTime(seconds)}"`)), seconds);
    }),
  );
});

test("reader: whatever comes, it reads or refuses", () => {
  const methods = [
    "atom",
    "astring",
    "string",
    "nstring",
    "sequenceSet",
    "flags",
    "number",
    "listMailbox",
  ] as const;
  fc.assert(
    fc.property(fc.constantFrom(...methods), fc.uint8Array({ maxLength: 40 }), (method, bytes) => {
      const text = Buffer.from(bytes);
      if (text.includes(10) || text.includes(0x7b)) return;
      try {
        readerOf(text)[method]();
      } catch (error) {
        assert.ok(error instanceof ImapRefusal);
        assert.equal(error.status, "BAD");
      }
    }),
  );
});

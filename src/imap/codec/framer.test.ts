import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Framer, type Frame } from "./framer.ts";

/** Accepts every literal into memory. */
function framesOf(chunks: readonly (Buffer | string)[], maxTextBytes = 65_536): (Frame | "tooLong")[] {
  const framer = new Framer(maxTextBytes);
  const frames: (Frame | "tooLong")[] = [];
  for (const chunk of chunks) {
    framer.push(Buffer.from(chunk));
    for (let event = framer.next(); event !== undefined; event = framer.next()) {
      if (event.kind === "frame") frames.push(event.frame);
      else if (event.kind === "tooLong") frames.push("tooLong");
      else if (event.kind === "literal") framer.acceptLiteral();
    }
  }
  return frames;
}

function printed(frames: readonly (Frame | "tooLong")[]): unknown[] {
  return frames.map((frame) =>
    frame === "tooLong"
      ? frame
      : [
          frame.text.toString("latin1"),
          ...frame.literals.map(({ body }) => (Buffer.isBuffer(body) ? body.toString() : "staged")),
        ],
  );
}

test("framer: lines, literals of every kind, empty literals, bare LF", () => {
  assert.deepEqual(
    printed(framesOf(["a NOOP\r\nb LOGIN {3}\r\nabc {2+}\r\nde\r\nc X ~{0}\r\n\nd {1}x\r\n"])),
    [["a NOOP"], ["b LOGIN {3} {2+}", "abc", "de"], ["c X ~{0}", ""], ["d {1}x"]],
  );
});

test("framer: however the bytes are cut, the frames are the same", () => {
  const input = Buffer.from(
    "a NOOP\r\nb LOGIN {3}\r\na\rc {2+}\r\n\r\n\r\nc APPEND x ~{5}\r\n12345\r\nd DONE\r\n",
  );
  const whole = printed(framesOf([input]));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: input.length })), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), input.length];
      assert.deepEqual(printed(framesOf(at.slice(1).map((end, i) => input.subarray(at[i], end)))), whole);
    }),
  );
});

test("framer: a text over the bound is thrown away, the next command is read", () => {
  assert.deepEqual(printed(framesOf(["a ", "x".repeat(100), "yy\r\nb NOOP\r\n"], 64)), [
    "tooLong",
    ["b NOOP"],
  ]);
  assert.deepEqual(printed(framesOf([`a ${"x".repeat(100)}\r\nb NOOP\r\n`], 64)), ["tooLong", ["b NOOP"]]);
});

test("framer: a refused literal is read past when the client does not wait", () => {
  const framer = new Framer(1000);
  framer.push(
    Buffer.from("a APPEND x {5+}\r\n12345 {3+}\r\nabc {9}\r\nb NOOP\r\nc APPEND x {7}\r\nd NOOP\r\n"),
  );
  const seen: string[] = [];
  for (let event = framer.next(); event !== undefined; event = framer.next()) {
    if (event.kind === "literal") framer.refuseLiteral();
    else if (event.kind === "frame") seen.push(event.frame.text.toString());
  }
  assert.deepEqual(seen, ["b NOOP", "d NOOP"]);
});

test("framer: a streamed literal comes in pieces and ends", () => {
  const framer = new Framer(1000);
  const pieces: string[] = [];
  const frames: Frame[] = [];
  for (const chunk of ["a APPEND x {6}\r\n", "abc", "def)\r\n", "b APPEND x {0+}\r\n", "\r\n"]) {
    framer.push(Buffer.from(chunk));
    for (let event = framer.next(); event !== undefined; event = framer.next()) {
      if (event.kind === "literal") framer.streamLiteral();
      else if (event.kind === "frame") frames.push(event.frame);
      else if (event.kind === "chunk") {
        pieces.push(event.bytes.toString());
        if (event.last)
          framer.literalStaged({
            sizeBytes: 0,
            read: () => Promise.resolve(Buffer.alloc(0)),
            release: () => undefined,
          });
      }
    }
  }
  assert.deepEqual(pieces, ["abc", "def", ""]);
  assert.deepEqual(
    frames.map((frame) => frame.text.toString()),
    ["a APPEND x {6})", "b APPEND x {0+}"],
  );
});

test("Framer: what comes between two chunks of a streamed literal stays behind what waits", () => {
  const framer = new Framer(1000);
  framer.push(Buffer.from("a APPEND x {6+}\r\n"));
  assert.equal(framer.next()?.kind, "literal");
  framer.streamLiteral();
  const taken = (): string => {
    const event = framer.next();
    return event?.kind === "chunk" ? event.bytes.toString() : "";
  };
  framer.push(Buffer.from("ab"));
  framer.push(Buffer.from("cd"));
  assert.equal(taken(), "ab");
  // The store takes its time with "ab".
  framer.push(Buffer.from("ef\r\n"));
  assert.equal(taken(), "cd");
  assert.equal(taken(), "ef");
});

test("framer: input of its own is given back as soon as it is read, and frames outlive it", () => {
  const framer = new Framer(65_536);
  const body = "x".repeat(3000);
  const blocks = [
    `* 1 FETCH (BODY[] {3000}\r\n${body.slice(0, 1000)}`,
    `${body.slice(1000)})\r\n* OK so\r\n`,
  ];
  const chunks = blocks.map((text) => {
    const own = Buffer.allocUnsafeSlow(text.length);
    own.write(text);
    return own;
  });
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    framer.push(chunk, true);
    for (let event = framer.next(); event !== undefined; event = framer.next()) {
      if (event.kind === "frame") frames.push(event.frame);
      else if (event.kind === "literal") framer.acceptLiteral();
    }
    assert.equal(chunk.buffer.byteLength, 0);
  }
  assert.deepEqual(printed(frames), [["* 1 FETCH (BODY[] {3000})", body], ["* OK so"]]);
});

test("framer: a piece of somebody's pool is never given back", () => {
  const framer = new Framer(65_536);
  const pool = Buffer.allocUnsafeSlow(64);
  pool.write("* OK\r\n");
  framer.push(pool.subarray(0, 6), true);
  assert.equal(framer.next()?.kind, "frame");
  assert.equal(framer.next(), undefined);
  assert.equal(pool.buffer.byteLength, 64);
});

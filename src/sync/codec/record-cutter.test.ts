import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SyncProtocolError } from "./errors.ts";
import { SyncFramer } from "./framer.ts";
import { DlistReader } from "./reader.ts";
import { DlistWriter } from "./writer.ts";

const MAX_LITERAL_BYTES = 1024 * 1024;

interface Cut {
  readonly lines: Buffer[];
  readonly records: { uid: number; text: string }[];
  ends: number;
}

function cut(bytes: Buffer, chunkBytes: number, minCutBytes: number): Cut {
  const found: Cut = { lines: [], records: [], ends: 0 };
  const framer = new SyncFramer(
    {
      line: (line) => void found.lines.push(line),
      file: () => ({ write() {}, end() {} }),
      records: () => ({
        block(block) {
          for (const item of new DlistReader(block).sequence()) found.records.push(readOne(item));
        },
        end: () => void (found.ends += 1),
      }),
    },
    MAX_LITERAL_BYTES,
    minCutBytes,
  );
  for (let at = 0; at < bytes.length; at += chunkBytes) framer.push(bytes.subarray(at, at + chunkBytes));
  return found;
}

function readOne(reader: DlistReader): { uid: number; text: string } {
  let uid = 0;
  let text = "";
  reader.kvlist((key, value) => {
    if (key === "UID") uid = value.number();
    else value.list((item) => item.kvlist((_, inner) => (text = inner.text())));
  });
  return { uid, text };
}

const hostileText = fc.string({
  unit: fc.constantFrom("(", ")", "%", '"', "\\", "{1}\r\n", " RECORD (", "x", " ", "é"),
  maxLength: 12,
});

test("framer: records of a long line go to their sink, whatever stands in strings, cut anywhere", () => {
  const records = fc.array(fc.record({ uid: fc.integer({ min: 1, max: 0xffffffff }), text: hostileText }), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(records, hostileText, fc.integer({ min: 1, max: 90 }), (given, name, chunkBytes) => {
      const list = given.map(({ uid, text }) => ({ uid, text }));
      const writer = new DlistWriter("client").raw("APPLY").raw("MAILBOX");
      writer.kvlist((kv) => {
        kv.key("MBOXNAME").string(name);
        kv.key("RECORD").list((records) => {
          for (const { uid, text } of list) {
            records.kvlist((one) => {
              one.key("UID").number(uid);
              one.key("ANNOTATIONS").list((all) => all.kvlist((item) => item.key("VALUE").string(text)));
            });
          }
        });
        kv.key("LAST").string(name);
      });
      const bytes = Buffer.concat([...writer.line(), Buffer.from("EXIT\r\n")]);
      // Shorter than the shortest line, so that most are cut.
      const found = cut(bytes, chunkBytes, 60);
      assert.equal(found.lines.length, 2);
      assert.equal(found.lines[1]!.toString(), "EXIT");
      const reader = new DlistReader(found.lines[0]!, "APPLY MAILBOX ".length);
      const values: string[] = [];
      reader.kvlist((key, value) => {
        if (key !== "RECORD") values.push(value.text());
        else value.list((item) => void found.records.push(readOne(item)));
      });
      reader.end();
      assert.deepEqual(found.records, list);
      assert.deepEqual(values, [name, name]);
    }),
    { numRuns: 1000 },
  );
});

test("framer: a long list is cut, once", () => {
  const one = "%(UID 7 ANNOTATIONS (%(VALUE abc)))";
  const line = `* MAILBOX %(A 1 RECORD (${Array(5000).fill(one).join(" ")}) B 2)\r\n`;
  const { lines, records, ends } = cut(Buffer.from(line), 1000, 4096);
  assert.deepEqual(
    lines.map((each) => each.toString()),
    ["* MAILBOX %(A 1 RECORD () B 2)"],
  );
  assert.equal(records.length, 5000);
  assert.equal(ends, 1);
});

test("framer: hostile records end in SyncProtocolError and nothing else", () => {
  const piece = fc.constantFrom(
    "(",
    ")",
    "%(",
    "{",
    "{2}\r\n",
    "{99999999999}\r\n",
    '"',
    "\\",
    " ",
    "\r\n",
    "A",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      try {
        cut(Buffer.from(`APPLY MAILBOX %(A 1 RECORD (${pieces.join("")}\r\n`), 7, 30);
      } catch (error) {
        assert.ok(error instanceof SyncProtocolError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

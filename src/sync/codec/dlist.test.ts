import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SyncProtocolError } from "./errors.ts";
import { SyncFramer } from "./framer.ts";
import { DlistReader } from "./reader.ts";
import { DlistWriter } from "./writer.ts";

function frames(chunks: readonly Buffer[]): { lines: Buffer[]; files: string[] } {
  const lines: Buffer[] = [];
  const files: string[] = [];
  const framer = new SyncFramer({
    line: (bytes) => void lines.push(bytes),
    file(header) {
      const body: Buffer[] = [];
      return {
        write: (chunk) => void body.push(chunk),
        end: () =>
          void files.push(`${header.partition} ${header.guid.slice(0, 4)} ${Buffer.concat(body).toString()}`),
      };
    },
  });
  for (const chunk of chunks) framer.push(chunk);
  return { lines, files };
}

const GUID = "8cd2f38fe0a2e016034159e5d2fe597ed4edd398";

test("writer: strings take the form that Cyrus prints", () => {
  const table: [string, string][] = [
    ["abc", "abc"],
    ["", '""'],
    ["NIL", '"NIL"'],
    ["note one", '"note one"'],
    ["u1\tlrs\t", '"u1\tlrs\t"'],
    ["a*b", '"a*b"'],
    ["\\Drafts", "{7+}\r\n\\Drafts"],
    ['say "x"', '{7+}\r\nsay "x"'],
    ["é", "{2+}\r\n\xc3\xa9"],
  ];
  for (const [value, printed] of table) {
    const line = Buffer.concat(new DlistWriter("client").string(value).line()).toString("latin1");
    assert.equal(line, `${printed}\r\n`);
  }
});

test("writer: a line of keys, lists and files", () => {
  const line = new DlistWriter("server")
    .raw("APPLY")
    .raw("MESSAGE")
    .list((list) => {
      list.file("default", GUID, Buffer.from("one")).file("default", GUID, Buffer.from("two"));
    });
  assert.equal(
    Buffer.concat(line.line()).toString(),
    `APPLY MESSAGE (%{default ${GUID} 3}\r\none %{default ${GUID} 3}\r\ntwo)\r\n`,
  );
});

test("reader: parse(print(v)) = v for strings and numbers, cut anywhere", () => {
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.nat());
  const values = fc.array(fc.tuple(fc.stringMatching(/^[A-Z]{1,8}$/), fc.array(value)));
  fc.assert(
    fc.property(values, fc.nat(40), (entries, cut) => {
      const writer = new DlistWriter("client").kvlist((kv) => {
        for (const [key, items] of entries) {
          kv.key(key).list((list) => {
            for (const item of items) {
              if (typeof item === "number") list.number(item);
              else list.string(item);
            }
          });
        }
      });
      const bytes = Buffer.concat(writer.line());
      const { lines } = frames([bytes.subarray(0, cut), bytes.subarray(cut)]);
      assert.equal(lines.length, 1);
      const read: [string, (string | number)[]][] = [];
      const reader = new DlistReader(lines[0]!);
      let index = 0;
      reader.kvlist((key) => {
        const wanted = entries[index++]![1];
        const items: (string | number)[] = [];
        let item = 0;
        reader.list(
          () => void items.push(typeof wanted[item++] === "number" ? reader.number() : reader.text()),
        );
        read.push([key, items]);
      });
      reader.end();
      assert.deepEqual(read, entries);
    }),
  );
});

test("framer: file bodies go to the sink in pieces, the line keeps their headers", () => {
  const bytes = Buffer.from(`APPLY MESSAGE (%{default ${GUID} 5}\r\na\r\nb) %{p2 ${GUID} 0}\r\n)\r\nEXIT\n`);
  for (let size = 1; size < 20; size += 1) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    const { lines, files } = frames(chunks);
    assert.deepEqual(files, ["default 8cd2 a\r\nb)", "p2 8cd2 "]);
    assert.deepEqual(
      lines.map((line) => line.toString()),
      [`APPLY MESSAGE (%{default ${GUID} 5} %{p2 ${GUID} 0})`, "EXIT"],
    );
  }
});

test("reader: hostile bytes end in SyncProtocolError and nothing else", () => {
  const piece = fc.constantFrom(
    "(",
    ")",
    "%(",
    "%{",
    "{",
    "}",
    "{3}\r\n",
    "{9999999999999999}\r\n",
    " ",
    "\\",
    '"',
    "A",
    "NIL",
    "7",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 40 }), (pieces) => {
      try {
        for (const line of frames([Buffer.from(pieces.join("") + "\r\n")]).lines) {
          const reader = new DlistReader(line);
          reader.skip();
          reader.end();
        }
      } catch (error) {
        assert.ok(error instanceof SyncProtocolError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("reader: nesting has a bound", () => {
  const deep = Buffer.from("(".repeat(100_000));
  assert.throws(() => new DlistReader(deep).skip(), SyncProtocolError);
});

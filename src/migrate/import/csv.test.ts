import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CsvError, printCsv, readCsv } from "./csv.ts";

async function read(...chunks: string[]): Promise<(readonly string[])[]> {
  const records: (readonly string[])[] = [];
  for await (const { fields } of readCsv(chunks)) records.push(fields);
  return records;
}

test("readCsv: quotes, commas, line ends inside fields, a byte order mark, empty lines", async () => {
  assert.deepEqual(await read('\uFEFFa,b\r\n\r\n1,"x, ""y""\r\nz"\n,\n""\n"q"'), [
    ["a", "b"],
    ["1", 'x, "y"\r\nz'],
    ["", ""],
    [""],
    ["q"],
  ]);
});

test("readCsv: a mistake names the line in which its record begins", async () => {
  for (const [text, line] of [
    ['a\n"b', 2],
    ['a\n\n"b"c', 3],
    ['a"b', 1],
    [`a\n${"x".repeat(70_000)}`, 2],
  ] as const) {
    await assert.rejects(
      read(text),
      (error) => error instanceof CsvError && error.line === line,
      text.slice(0, 20),
    );
  }
});

test("readCsv: what printCsv prints, however it is cut", async () => {
  const field = fc.string({ unit: "grapheme" }).filter((text) => !text.startsWith("\uFEFF"));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(field, { minLength: 1, maxLength: 5 })),
      fc.nat(40),
      async (records, cut) => {
        const text = records.map(printCsv).join("");
        assert.deepEqual(await read(text.slice(0, cut), text.slice(cut)), records);
      },
    ),
  );
});

test("readCsv: hostile text ends in records or a CsvError", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: fc.constantFrom('"', ",", "\n", "\r", "a") }), async (text) => {
      await read(text).catch((error: unknown) => assert.ok(error instanceof CsvError));
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePathArgument, printPath } from "./path.ts";
import { SyntaxRefusal } from "./syntax-refusal.ts";

const good: readonly [string, string, Record<string, string | undefined>][] = [
  ["FROM:<>", "", {}],
  ["FROM:<alice>", "alice", {}],
  ["from:<Alice@Example.Test>", "Alice@Example.Test", {}],
  [
    "FROM: <alice@example.test> SIZE=12 BODY=8BITMIME",
    "alice@example.test",
    { SIZE: "12", BODY: "8BITMIME" },
  ],
  ["FROM:<alice+a.b/c@example.test> SMTPUTF8", "alice+a.b/c@example.test", { SMTPUTF8: undefined }],
  ["FROM:<@a,@b:alice@example.test>", "alice@example.test", {}],
  ['FROM:<"a b\\"@>c"@example.test>', 'a b"@>c@example.test', {}],
  ["FROM:<alice@[127.0.0.1]>", "alice@[127.0.0.1]", {}],
  ["FROM:<alice@[IPv6:::1]>", "alice@[IPv6:::1]", {}],
  ["FROM:<jörg@bücher.example>", "jörg@bücher.example", {}],
];
for (const [argument, address, parameters] of good) {
  test(`parsePathArgument reads ${argument}`, () => {
    const result = parsePathArgument(argument, "FROM:");
    assert.equal(result.path.address, address);
    assert.deepEqual(Object.fromEntries(result.parameters), parameters);
  });
}

const bad = [
  "",
  "alice",
  "FROM:alice@example.test",
  "FROM:<alice@example.test",
  "FROM:<alice@>",
  "FROM:<@example.test>",
  "FROM:<alice@-example.test>",
  "FROM:<a b@example.test>",
  "FROM:<a\0b@example.test>",
  "FROM:<a@b@example.test>",
  'FROM:<"alice@example.test>',
  "FROM:<alice@example.test>SIZE=1",
  "FROM:<alice@example.test> SIZE=1 SIZE=2",
  "FROM:<alice@example.test> =1",
  `FROM:<${"a".repeat(2000)}@example.test>`,
];
for (const argument of bad) {
  test(`parsePathArgument refuses ${JSON.stringify(argument.slice(0, 60))}`, () => {
    assert.throws(() => parsePathArgument(argument, "FROM:"), SyntaxRefusal);
  });
}

test("parsePathArgument reads what printPath writes, and throws nothing but refusals", () => {
  const local = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => !/\p{Cc}/u.test(text));
  fc.assert(
    fc.property(local, (text) => {
      const address = `${text}@example.test`;
      assert.equal(parsePathArgument(`TO:${printPath(address)}`, "TO:").path.address, address);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      try {
        parsePathArgument(`TO:<${text}`, "TO:");
      } catch (error) {
        assert.ok(error instanceof SyntaxRefusal);
      }
    }),
  );
});

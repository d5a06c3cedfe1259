import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultSieveLimits } from "./limits.ts";
import { warningsOf } from "./warnings.ts";

test("warningsOf: variables that are none, and what never runs", () => {
  const cases: readonly (readonly [script: string, ...says: string[]])[] = [
    ["keep;"],
    ['require ["variables", "fileinto"]; fileinto "${x}";'],
    ['require "fileinto"; fileinto "${x}";', '1:30 ${x} is text without require "variables"'],
    ['require "fileinto"; fileinto "costs ${5.00}";'],
    [
      'if header :contains "subject" ["a", "${1}"] { keep; }',
      '1:31 ${1} is text without require "variables"',
    ],
    ['redirect "a${hex:40}b.test";', '1:10 ${hex:40} is text without require "encoded-character"'],
    ['require "ihave"; if ihave "variables" { redirect "a@b.test"; } elsif header "x" "${1}" { stop; }'],
    ["if true {\n  stop;\n  keep;\n}\ndiscard;", "3:3 nothing runs after stop"],
    ["if true { stop; } else { keep; }"],
  ];
  for (const [script, ...says] of cases) {
    const found = warningsOf(script, defaultSieveLimits);
    assert.deepEqual(
      found.map(({ position, text }) => `${position.line}:${position.column} ${text}`),
      says,
      script,
    );
  }
  assert.equal(warningsOf('redirect "${a}";'.repeat(50), defaultSieveLimits).length, 10);
});

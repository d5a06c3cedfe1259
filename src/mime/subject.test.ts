import assert from "node:assert/strict";
import { test } from "node:test";
import { baseSubject } from "./subject.ts";

/** RFC 5256 §2.1. Subject, base, reply or forward. */
const cases: readonly (readonly [string, string, boolean])[] = [
  ["Hello", "HELLO", false],
  ["Re: Hello", "HELLO", true],
  ["RE: re: Fwd:  fw: Hello   world", "HELLO WORLD", true],
  ["Re[2]: Hello", "HELLO", true],
  ["Re [list] : Hello", "HELLO", true],
  ["[list] Hello", "HELLO", false],
  ["[list] Re: [other] Hello", "HELLO", true],
  ["[only]", "[ONLY]", false],
  ["Re: [only]", "[ONLY]", true],
  ["Hello (fwd) (FWD) ", "HELLO", true],
  ["[Fwd: Re: Hello]", "HELLO", true],
  ["[fwd: hello] ", "HELLO", true],
  ["Reply: Hello", "REPLY: HELLO", false],
  ["=?utf-8?Q?Re:_Gr=C3=BC=C3=9Fe?=", "GRÜSSE", true],
  ["=?utf-8?B?UmU6?= x", "X", true],
  ["Re:", "", true],
  ["", "", false],
  ["[a][b] x", "X", false],
];

for (const [subject, text, isReplyOrForward] of cases) {
  test(`baseSubject: ${JSON.stringify(subject)}`, () => {
    assert.deepEqual(baseSubject(subject), { text, isReplyOrForward });
  });
}

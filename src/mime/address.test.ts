import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddressList } from "./address.ts";
import { envelopeAddresses, renderEnvelope } from "./envelope.ts";

/** Input, list as ENVELOPE shows it. */
const cases: readonly (readonly [string, string])[] = [
  ["a@b", '((NIL NIL "a" "b"))'],
  ["Pete <pete@silly.example>", '(("Pete" NIL "pete" "silly.example"))'],
  ['"Joe Q. Public" <j@x.y>, b@c', '(("Joe Q. Public" NIL "j" "x.y")(NIL NIL "b" "c"))'],
  ["Joe Q. Public <j@x.y>", '(("Joe Q. Public" NIL "j" "x.y"))'],
  ['"Giant; \\"Big\\" Box" <s@e.net>', '(("Giant; \\"Big\\" Box" NIL "s" "e.net"))'],
  ["j@x.y (John (the) Doe)", '(("John (the) Doe" NIL "j" "x.y"))'],
  ["Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", '(("Pete" NIL "pete" "silly.test"))'],
  [
    "A Group:Ed Jones <joe@x.y>,b@c;",
    '((NIL NIL "A Group" NIL)("Ed Jones" NIL "joe" "x.y")(NIL NIL "b" "c")(NIL NIL NIL NIL))',
  ],
  ["undisclosed-recipients:;", '((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))'],
  ["A:a@b;, c@d", '((NIL NIL "A" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)(NIL NIL "c" "d"))'],
  ["<@route.a,@route.b:j@x.y>", '((NIL "@route.a,@route.b" "j" "x.y"))'],
  ['"john doe"@x', '((NIL NIL "john doe" "x"))'],
  ["a . b @ c . d", '((NIL NIL "a.b" "c.d"))'],
  ["a@[192.0.2.1]", '((NIL NIL "a" "[192.0.2.1]"))'],
  ["=?utf-8?Q?J=C3=BC?= <j@x>", '(("=?utf-8?Q?J=C3=BC?=" NIL "j" "x"))'],
  [",, a@b ,,", '((NIL NIL "a" "b"))'],
  ["local", '((NIL NIL "local" "MISSING_DOMAIN"))'],
  ["Someone Else", '(("Someone Else" NIL "MISSING_MAILBOX" "MISSING_DOMAIN"))'],
  ["<>", '((NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN"))'],
  ["A <a@b, c@d", '(("A" NIL "a" "b")(NIL NIL "c" "d"))'],
  ["\xfcber <u@x>", '(({4}\r\n\xfcber NIL "u" "x"))'],
  ["", "NIL"],
];

for (const [text, expected] of cases) {
  test(`parseAddressList: ${JSON.stringify(text)}`, () => {
    const fields = { to: text };
    const rendered = renderEnvelope(fields, envelopeAddresses(fields));
    assert.equal(rendered, `(NIL NIL NIL NIL NIL ${expected} NIL NIL NIL NIL)`);
  });
}

test("renderEnvelope: empty sender and reply-to default to from (RFC 9051 §7.5.2)", () => {
  const fields = { from: "a@b", sender: "", replyTo: "c@d" };
  assert.equal(
    renderEnvelope(fields, envelopeAddresses(fields)),
    '(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "c" "d")) NIL NIL NIL NIL NIL)',
  );
});

test("parseAddressList: bounded and linear on hostile input", () => {
  for (const text of [
    "a,".repeat(200_000),
    "(".repeat(200_000),
    "<".repeat(200_000),
    '"'.repeat(200_000),
    ":;".repeat(200_000),
  ]) {
    assert.ok(parseAddressList(text).length <= 20_001);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { uniqueHtml, uniquePlain } from "./unique-part.ts";

test("uniqueHtml: quotations of the common mailers go, answers above, between and below stay", () => {
  const cases: [string, string][] = [
    [
      '<p>yes</p><div class="gmail_quote">On Monday:<blockquote>old<div>x</div></blockquote></div>',
      "<p>yes</p>",
    ],
    [
      '<div class="moz-cite-prefix">Ann wrote:</div><blockquote type="cite">a<blockquote type="cite">b</blockquote></blockquote><p>below</p>',
      "<p>below</p>",
    ],
    ['<p>yes</p><hr /><div id="divRplyFwdMsg">From: Ann</div><div>old</div>', "<p>yes</p><hr />"],
    ['<p>yes</p><div style="border:none;border-top:solid #E1E1E1 1.0pt">From: Ann</div>old', "<p>yes</p>"],
    ["yes<br />-----Original Message-----<br />old", "yes<br />"],
    [
      "<p>an own <blockquote>indented</blockquote> text</p>",
      "<p>an own <blockquote>indented</blockquote> text</p>",
    ],
    ['<div class="gmail_quote">only forwarded</div>', '<div class="gmail_quote">only forwarded</div>'],
    ['<p>yes</p><blockquote type="cite">never closed', "<p>yes</p>"],
  ];
  for (const [html, expected] of cases) assert.equal(uniqueHtml(html), expected);
});

test("uniquePlain: quoted lines go with the line that names their author", () => {
  assert.equal(uniquePlain("yes\n\nOn 1 May 2026 Ann wrote:\n> old\n> older\nbye\n"), "yes\n\nbye\n");
  assert.equal(uniquePlain("I list:\n> this"), "I list:");
  assert.equal(uniquePlain("> only\n"), "> only\n");
});

test("unique part: any text, in time that grows with its length", () => {
  const piece = fc.constantFrom(
    "<div ",
    'class="gmail_quote"',
    ">",
    "</div>",
    "<blockquote ",
    "type=cite",
    "x",
    "\n",
    "1:",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 300 }), (pieces) => {
      const text = pieces.join("");
      assert.ok(uniqueHtml(text).length <= text.length);
      assert.ok(uniquePlain(text).length <= text.length);
    }),
  );
});

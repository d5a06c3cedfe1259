import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { systemClock } from "../../base/io/clock.ts";
import { HtmlConverter } from "./html-converter.ts";

const converter = new HtmlConverter(systemClock);
after(() => converter.close());

test("HtmlConverter: what runs, loads or submits by itself goes, what is shown stays", async () => {
  const cases: [string, RegExp, RegExp?][] = [
    ["<script>alert(1)</script>a", /^a$/],
    ['<img src="javascript:x" alt="p"><img src="cid:a@b">', /<img alt="p" \/><img src="cid:a@b" \/>/],
    [
      '<a href=" javascript:x">a</a><a href="https://x/">b</a>',
      /<a href="https:\/\/x\/">b<\/a>/,
      /javascript/,
    ],
    ['<iframe src="https://x"></iframe><object data="x"></object><form action="x"><input></form>b', /^b$/],
    ['<p onload="x" style="color:red">c</p>', /<p style="color:red">c<\/p>/],
    ['<meta http-equiv="refresh" content="0;url=x"><base href="x"><link href="x">d', /^d$/],
    ["<!--[if mso]><x><![endif]-->e", /^e$/],
    ["<table><tr><td colspan=2 bgcolor=red>f", /<td colspan="2" bgcolor="red">f/],
  ];
  for (const [html, expected, absent] of cases) {
    const clean = await converter.clean(html, "");
    assert.match(clean, expected);
    if (absent !== undefined) assert.doesNotMatch(clean, absent);
  }
});

test("HtmlConverter: hostile input ends in bounded time", { timeout: 60_000 }, async () => {
  const hostile = [
    "<div>".repeat(10_000),
    "<".repeat(50_000),
    "<a href='".repeat(10_000),
    `<p ${"x=1 ".repeat(10_000)}>`,
    "&amp;".repeat(50_000),
    "<table>".repeat(2_000),
    "<ul><li>".repeat(2_000),
    "<!--".repeat(10_000),
    `<style>${"a{".repeat(10_000)}`,
  ];
  for (const html of hostile) {
    assert.equal(typeof (await converter.toText(html, "")), "string");
    assert.equal(typeof (await converter.clean(html, "")), "string");
  }
});

test("HtmlConverter: a conversion that takes too long is given up, the next one works", async () => {
  const clock = new SimClock();
  const slow = new HtmlConverter(clock);
  try {
    const stuck = slow.toText(`<p>text</p>${"<b>x</b>".repeat(400_000)}`, "");
    clock.advance(5_000);
    assert.match(await stuck, /^text x/);
    assert.equal(slow.fallbacks, 1);
    assert.equal(await slow.toText("<p>a</p><p>b</p>", ""), "a\r\n\r\nb");
  } finally {
    await slow.close();
  }
});

test("HtmlConverter: while one conversion is stuck the others go on; more of them wait no longer than its time", async () => {
  const clock = new SimClock();
  const shared = new HtmlConverter(clock);
  try {
    // Both threads have begun, so that the order below is not that of their beginnings.
    await Promise.all([shared.toText("<p>1</p>", ""), shared.toText("<p>2</p>", "")]);
    const heavy = `<p>text</p>${"<i><b>x</b></i>".repeat(270_000)}`;
    const ended: string[] = [];
    const stuck = shared.toText(heavy, "").then(() => ended.push("stuck"));
    for (let i = 0; i < 5; i++) {
      assert.equal(await shared.toText(`<p>a${i}</p><p>b</p>`, ""), `a${i}\r\n\r\nb`);
      ended.push("quick");
    }
    assert.deepEqual(ended, ["quick", "quick", "quick", "quick", "quick"]);
    // The other one as well: who comes now waits for the end of their time, not of their work.
    const second = shared.toText(heavy, "").then(() => ended.push("stuck"));
    const third = shared.clean("<p>c</p>", "");
    clock.advance(5_000);
    await Promise.all([stuck, second]);
    assert.equal(shared.fallbacks, 2);
    assert.equal(await third, "<p>c</p>");
  } finally {
    await shared.close();
  }
});

test("HtmlConverter: the same key is converted once", async () => {
  assert.equal(await converter.toText("<p>first</p>", "key"), "first");
  assert.equal(await converter.toText("<p>not looked at</p>", "key"), "first");
});

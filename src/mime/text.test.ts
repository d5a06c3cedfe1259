import assert from "node:assert/strict";
import { test } from "node:test";
import { htmlToText } from "./html-text.ts";
import { summarize } from "./summarize.ts";
import { decodeTransfer } from "./transfer.ts";

const html: readonly (readonly [string, string])[] = [
  ["<p>a</p><p>b</p>", "a b"],
  ["a<b>b</b>c", "abc"],
  ["<style>x{}</style>a<script>if (a<b) x()</script>b", "a b"],
  ["<head><title>t</title></head><body>a", "a"],
  ["<head><body>a", "a"],
  ["a&amp;b &lt;c&gt; &#8364; &#x20AC; &eacute; &Uuml; &nope; &nbsp;x", "a&b <c> € € é Ü &nope; x"],
  ["<!-- <p>hidden</p> -->a", "a"],
  ['<a href="x>y">link</a>', "link"],
  ["1 < 2", "1 < 2"],
  ["<p", ""],
  ["<script>never ends", ""],
];
for (const [source, expected] of html) {
  test(`htmlToText: ${JSON.stringify(source)}`, () => assert.equal(htmlToText(source), expected));
}

test("htmlToText: linear on hostile input", () => {
  for (const piece of ["<", "<script>", "<!--", '<a href="', "&#", "<head>", "</"])
    htmlToText(piece.repeat(100_000));
});

const transfer: readonly (readonly [string, string, string])[] = [
  ["base64", "aGVs\r\nbG8=", "hello"],
  ["base64", "aGVsbG8=IA==", "hello "],
  ["base64", "a*G V!sbG8", "hello"],
  ["Quoted-Printable", "a=3Db=\r\nc=E4 =\t \r\nd", "a=bc\xe4 d"],
  ["quoted-printable", "bad =ZZ = x=", "bad =ZZ = x"],
  ["x-uuencode", "begin 644 x\r\n%:&5L;&\\\r\n`\r\nend\r\n", "hello"],
  ["binary", "as is\0", "as is\0"],
  ["unknown", "as is", "as is"],
];
for (const [encoding, body, expected] of transfer) {
  test(`decodeTransfer: ${encoding} ${JSON.stringify(body)}`, () => {
    assert.equal(decodeTransfer(Buffer.from(body, "latin1"), encoding).toString("latin1"), expected);
  });
}

const previews: readonly (readonly [string, string, string])[] = [
  ["plain", "Content-Type: text/plain\r\n\r\n  Hello,\r\n\r\n\tyou \r\n", "Hello, you"],
  ["html only", "Content-Type: text/html\r\n\r\n<p>Hi <b>you</b></p>", "Hi you"],
  [
    "charset",
    "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe",
    "Grüße",
  ],
  [
    "plain before html",
    "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>H\r\n--b\r\n\r\nP\r\n--b--",
    "P",
  ],
  ["invisible padding", "Content-Type: text/plain; charset=utf-8\r\n\r\na \u200c\u200b\u00a0 b", "a b"],
  ["nothing", "Content-Type: image/png\r\n\r\nxx", ""],
  ["200 code points", `Content-Type: text/plain; charset=utf-8\r\n\r\n${"😀".repeat(300)}`, "😀".repeat(200)],
  ["200 characters with spaces", `\r\n${"ab ".repeat(300)}`, `${"ab ".repeat(66)}ab`],
];
for (const [name, message, expected] of previews) {
  test(`preview: ${name}`, () => assert.equal(summarize(Buffer.from(message)).preview, expected));
}

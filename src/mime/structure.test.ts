import assert from "node:assert/strict";
import { test } from "node:test";
import { summarize } from "./summarize.ts";

const EMPTY = '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)';
const plain = (size: number, lines: number) =>
  `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" ${size} ${lines} NIL NIL NIL NIL)`;
const multipart = (boundary: string, subtype = "mixed") =>
  `Content-Type: multipart/${subtype}; boundary="${boundary}"`;

/** Name, lines (joined with CRLF), BODYSTRUCTURE. */
const cases: readonly (readonly [string, readonly string[], string])[] = [
  ["empty message", [], plain(0, 0)],
  ["no blank line: all header", ["Subject: x"], plain(0, 0)],
  ["no header at all", ["", "body", ""], plain(6, 1)],
  ["last line without a break is not counted", ["", "a", "b"], plain(4, 1)],
  ["unreadable type is text/plain (RFC 2045 §5.2)", ["Content-Type: nonsense", "", "x"], plain(1, 0)],
  [
    "the line break before a boundary is the boundary's",
    [multipart("b"), "", "--b", "", "one", "--b", "", "two", "", "--b--", ""],
    `(${plain(3, 0)}${plain(5, 1)} "mixed" ("boundary" "b") NIL NIL NIL)`,
  ],
  [
    "part without a blank line",
    [multipart("b"), "", "--b", "Content-ID: <1>", "--b--", ""],
    `(("text" "plain" ("charset" "us-ascii") "<1>" NIL "7bit" 0 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)`,
  ],
  [
    "no part: one empty text part",
    [multipart("b"), "", "nothing"],
    `(${EMPTY} "mixed" ("boundary" "b") NIL NIL NIL)`,
  ],
  ["no boundary: no part", ["Content-Type: multipart/mixed", "", "x"], `(${EMPTY} "mixed" NIL NIL NIL NIL)`],
  [
    "missing end: up to the end of the message",
    [multipart("b"), "", "--b", "", "one", ""],
    `(${plain(5, 1)} "mixed" ("boundary" "b") NIL NIL NIL)`,
  ],
  [
    "one boundary is the beginning of another: the longest match",
    [multipart("b"), "", "--b", multipart("bb"), "", "--bb", "", "in", "--bb--", "--b", "", "out", "--b--"],
    `((${plain(2, 0)} "mixed" ("boundary" "bb") NIL NIL NIL)${plain(3, 0)} "mixed" ("boundary" "b") NIL NIL NIL)`,
  ],
  [
    "the outer boundary ends an inner multipart that forgot to",
    [multipart("o"), "", "--o", multipart("i"), "", "--i", "", "x", "--o", "", "y", "--o--"],
    `((${plain(1, 0)} "mixed" ("boundary" "i") NIL NIL NIL)${plain(1, 0)} "mixed" ("boundary" "o") NIL NIL NIL)`,
  ],
  [
    "digest: parts are messages (RFC 2046 §5.1.5)",
    [multipart("b", "digest"), "", "--b", "", "Subject: in", "", "x", "--b--"],
    `(("message" "rfc822" NIL NIL NIL "7bit" 16 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ${plain(1, 0)} 2 NIL NIL NIL NIL) "digest" ("boundary" "b") NIL NIL NIL)`,
  ],
  [
    "everything a part can say",
    [
      'Content-Type: text/x-foo; name="a \\"b\\""; format=flowed',
      "Content-ID: <id@x>",
      "Content-Description: about",
      "Content-Transfer-Encoding: Quoted-Printable (why)",
      "Content-MD5: abc==",
      "Content-Disposition: attachment; filename=a.txt",
      "Content-Language: de, en",
      "Content-Location: http://x/",
      "",
      "x",
    ],
    '("text" "x-foo" ("name" "a \\"b\\"" "format" "flowed" "charset" "us-ascii") "<id@x>" "about" "Quoted-Printable" 1 0 "abc==" ("attachment" ("filename" "a.txt")) ("de" "en") "http://x/")',
  ],
  [
    "RFC 2231 continuations are joined",
    ["Content-Type: application/x; a*1*=%20z; a*0=x; b*0=1; b*1=2; c*=utf-8''%C3%BC", "", ""],
    `("application" "x" ("c*" "utf-8''%C3%BC" "a*" "x%20z" "b" "12") NIL NIL "7bit" 0 NIL NIL NIL NIL)`,
  ],
  [
    "8-bit octets and NUL become a literal",
    ["Content-Type: application/x; name=\xfc\0", "", ""],
    '("application" "x" ("name" {2}\r\n\xfc\x80) NIL NIL "7bit" 0 NIL NIL NIL NIL)',
  ],
];

for (const [name, lines, expected] of cases) {
  test(`BODYSTRUCTURE: ${name}`, () => {
    assert.equal(
      summarize(Buffer.from(lines.join("\r\n"), "latin1")).bodyStructure.toString("latin1"),
      expected,
    );
  });
}

test("BODYSTRUCTURE: bare line feeds give the same structure", () => {
  const lines = [
    multipart("b"),
    "",
    "--b",
    "",
    "one",
    "--b",
    "Content-Type: image/png",
    "",
    "xx",
    "--b--",
    "",
  ];
  const structure = (separator: string) =>
    summarize(Buffer.from(lines.join(separator))).bodyStructure.toString();
  assert.equal(structure("\n"), structure("\r\n"));
});

test("parseStructure: nested 10,000 deep is opaque below 100", () => {
  let text = "";
  for (let depth = 0; depth < 10_000; depth++) text += `${multipart(`b${depth}`)}\r\n\r\n--b${depth}\r\n`;
  const summary = summarize(Buffer.from(text));
  let depth = 0;
  for (let part = summary.root; part.children[0] !== undefined; part = part.children[0]) depth++;
  assert.equal(depth, 100);
  assert.match(summary.bodyStructure.toString(), /\("application" "octet-stream"/);
});

test("parseStructure: messages in messages, 10,000 deep", () => {
  const summary = summarize(Buffer.from("Content-Type: message/rfc822\r\n\r\n".repeat(10_000)));
  assert.match(summary.bodyStructure.toString(), /^\("message" "rfc822"/);
});

test("parseStructure: no more than 10,000 parts", () => {
  const summary = summarize(Buffer.from(`${multipart("b")}\r\n\r\n${"--b\r\n\r\n".repeat(20_000)}`));
  assert.equal(summary.root.children.length, 9_999);
  const last = summary.root.children.at(-1)!;
  assert.ok(last.bodyEnd > last.bodyStart, "the last part keeps the rest");
});

test("summarize: 100,000 header fields and addresses", () => {
  const summary = summarize(
    Buffer.from(`${"X-Y: z\r\n".repeat(100_000)}${"To: a@b.c\r\n".repeat(100_000)}\r\nbody`),
  );
  assert.equal(summary.root.bodyEnd - summary.root.bodyStart, 4);
  assert.ok(summary.envelope.length < 1_000_000);
});

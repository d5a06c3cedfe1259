/** Any octets give a summary that survives its codec, and every real message of ROOKERY_CORPUS does. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { stripExtensions } from "../../src/mime/strip-extensions.ts";
import { decodeSummary, encodeSummary } from "../../src/mime/summary-codec.ts";
import { summarize } from "../../src/mime/summarize.ts";
import type { MessageSummary, PartNode } from "../../src/mime/summary.ts";
import { searchableText } from "../../src/mime/searchable-text.ts";

const runs = Number(process.env["ROOKERY_FUZZ_RUNS"] ?? 1_000);

/** Pieces that mail is made of, and what breaks it. */
const piece = fc.oneof(
  fc.constantFrom(
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\r\n\r\n",
    ":",
    ";",
    ",",
    "=",
    '"',
    "\\",
    "(",
    ")",
    "<",
    ">",
    "@",
    "--",
    "--b",
    "--b--",
    "--bb",
    "From: ",
    "To: ",
    "Subject: ",
    "Date: ",
    "Message-ID: ",
    "References: ",
    "Content-Type: multipart/mixed; boundary=b\r\n",
    "Content-Type: multipart/digest; boundary=bb\r\n",
    "Content-Type: message/rfc822\r\n",
    "Content-Type: text/html\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Transfer-Encoding: quoted-printable\r\n",
    "Content-Disposition: ",
    "filename*0*=",
    "filename*1=",
    "charset=utf-7",
    "charset=iso-2022-jp",
    "=?utf-8?Q?",
    "=?koi8-r?B?",
    "?=",
    "=3D",
    "<p>",
    "<script>",
    "&#0;",
    "Re: ",
    "[Fwd: ",
    "(fwd)",
    " ",
    "\t",
    "\xff",
  ),
  fc.string({ maxLength: 6 }),
);
const hostile = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join(""), "latin1"));

test("summarize: hostile octets", () => {
  fc.assert(
    fc.property(hostile, (bytes) => check(bytes)),
    { numRuns: runs },
  );
});

test("summarize: random octets", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (octets) => check(Buffer.from(octets))),
    { numRuns: runs },
  );
});

const corpus = process.env["ROOKERY_CORPUS"];
const folder = corpus === undefined ? "" : join(corpus, "eml");
test(
  "summarize: every message of the corpus",
  { skip: existsSync(folder) ? false : "ROOKERY_CORPUS is not set" },
  () => {
    for (const name of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, name));
      check(bytes);
      // A message cut anywhere is a message.
      for (let cut = 1; cut < 8; cut++) check(bytes.subarray(0, Math.floor((bytes.length * cut) / 8)));
    }
  },
);

function check(bytes: Buffer): void {
  const summary = summarize(bytes);
  assert.deepEqual(plain(decodeSummary(encodeSummary(summary))), plain(summary));
  assert.deepEqual(stripExtensions(summary.bodyStructure), summary.body);
  assert.ok(isBalanced(summary.envelope), summary.envelope.toString("latin1"));
  assert.ok(isBalanced(summary.bodyStructure), summary.bodyStructure.toString("latin1"));
  checkOffsets(summary.root, bytes.length);
  searchableText(bytes);
}

function plain(summary: MessageSummary): unknown {
  const { sizeBytes, sentDateMs, baseSubject, isReplyOrForward, messageId, references, preview } = summary;
  const { sortFrom, sortTo, sortCc, displayFrom, displayTo } = summary;
  return {
    sizeBytes,
    sentDateMs,
    baseSubject,
    isReplyOrForward,
    messageId,
    references,
    preview,
    sortFrom,
    sortTo,
    sortCc,
    displayFrom,
    displayTo,
    envelope: summary.envelope.toString("latin1"),
    bodyStructure: summary.bodyStructure.toString("latin1"),
    body: summary.body.toString("latin1"),
    root: plainPart(summary.root),
  };
}

function plainPart(part: PartNode): unknown {
  const { headerStart, bodyStart, bodyEnd, lines, type, subtype, encoding, charset } = part;
  return {
    headerStart,
    bodyStart,
    bodyEnd,
    lines,
    type,
    subtype,
    encoding,
    charset,
    children: part.children.map(plainPart),
  };
}

function checkOffsets(part: PartNode, end: number): void {
  assert.ok(part.headerStart <= part.bodyStart && part.bodyStart <= part.bodyEnd && part.bodyEnd <= end);
  for (const child of part.children) {
    assert.ok(child.headerStart >= part.bodyStart);
    checkOffsets(child, part.bodyEnd);
  }
}

/** One parenthesised list of strings, literals, numbers and NIL, and nothing after it. */
function isBalanced(bytes: Buffer): boolean {
  const text = bytes.toString("latin1");
  const token = /\(|\)| |"(?:[^"\\\r\n\0\x80-\xff]|\\["\\])*"|\{(\d+)\}\r\n|NIL|\d+/y;
  let depth = 0;
  for (let at = 0; at < text.length;) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (match === null) return false;
    at = token.lastIndex + Number(match[1] ?? 0);
    if (match[0] === "(") depth++;
    if (match[0] === ")" && --depth === 0) return at === text.length;
  }
  return false;
}

test("summarize: repeated pieces take linear time", () => {
  const pieces = [
    "(",
    '\\"',
    "<a,",
    "<>",
    ";",
    "a=b;",
    "=?a?q?",
    "[",
    "[a]",
    "Re:",
    "=A",
    "\t",
    "a*0*=b;",
    "\r\n ",
    "{1}",
  ];
  const fields = [
    "To",
    "Subject",
    "Date",
    "References",
    "Content-Language",
    "Content-Type",
    "Content-Disposition",
  ];
  for (const field of fields) {
    for (const piece of pieces) check(Buffer.from(`${field}: x<"${piece.repeat(40_000)}\r\n\r\nbody`));
  }
  for (const piece of pieces) {
    check(
      Buffer.from(
        `Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n${piece.repeat(40_000)}`,
      ),
    );
  }
});

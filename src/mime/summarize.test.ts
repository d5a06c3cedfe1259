import assert from "node:assert/strict";
import { test } from "node:test";
import { summarize } from "./summarize.ts";
import { decodeSummary, encodeSummary } from "./summary-codec.ts";

/** Lines joined with CRLF. */
const message = (...lines: string[]) => Buffer.from(lines.join("\r\n"), "latin1");

test("summarize: ENVELOPE of RFC 9051 §8's sample", () => {
  const summary = summarize(
    message(
      "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)",
      "From: Terry Gray <gray@cac.washington.edu>",
      "Subject: IMAP4rev2 WG mtg summary and minutes",
      "To: imap@cac.washington.edu",
      "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>",
      "Message-Id: <B27397-0100000@cac.washington.edu>",
      "MIME-Version: 1.0",
      "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII",
      "",
      "body",
      "",
    ),
  );
  assert.equal(
    summary.envelope.toString(),
    '("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" ' +
      '(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ' +
      '(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) ' +
      '((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL ' +
      '"<B27397-0100000@cac.washington.edu>")',
  );
  assert.equal(
    summary.bodyStructure.toString(),
    '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7bit" 6 1 NIL NIL NIL NIL)',
  );
  assert.equal(summary.sentDateMs, Date.UTC(1996, 6, 17, 9, 23, 25));
  assert.equal(decodeSummary(encodeSummary(summary)).body.toString(), summary.body.toString());
});

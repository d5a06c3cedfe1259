import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MailMessage } from "./sieve-message.ts";
import { reasonForSilence } from "./vacation.ts";

const STORM = 10_000;

function silence(sender: string, fields: readonly string[]): string | undefined {
  const bytes = Buffer.from(
    `To: alice@example.test\r\nFrom: x@remote.test\r\n${fields.join("\r\n")}\r\n\r\nhi\r\n`,
  );
  return reasonForSilence({
    message: new MailMessage(bytes, bytes.length),
    sender,
    ownAddresses: ["Alice@example.test"],
    messageId: "1@x",
    boundary: "b",
    atMs: 0,
  });
}

test("reasonForSilence: a storm from lists, bounces and programs gets no answer", () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,10}$/);
  const robot = fc
    .tuple(
      fc.constantFrom(
        "owner-W",
        "W-request",
        "W-owner",
        "mailer-daemon",
        "W-bounces",
        "W-bounces+a=b.c",
        "bounce-W",
        "no-reply",
        "noreply-W",
        "listserv",
        "majordomo",
        "MAILER-DAEMON",
      ),
      word,
    )
    .map(([form, text]) => `${form.replace("W", text)}@remote.test`);
  const person = word.map((text) => `${text}x@remote.test`);
  const mark = fc.constantFrom(
    "List-Id: <a.b>",
    "List-Unsubscribe: <mailto:x@y.z>",
    "LIST-POST: NO",
    "Precedence: Bulk",
    "precedence: list",
    "Precedence: junk",
    "Auto-Submitted: auto-generated",
    "auto-submitted: auto-replied; owner=x",
    "X-Auto-Response-Suppress: DR, OOF",
    "X-Autoreply: yes",
    "X-Spam-Flag: YES",
    "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
  );
  const other = fc.constantFrom("X-Mailer: x", "Subject: hello", "Auto-Submitted: no", "Received: a; b");
  const storm = fc.oneof(
    fc.tuple(
      fc.oneof(robot, fc.constant(""), fc.constant("ALICE@example.test")),
      fc.array(other, { maxLength: 3 }),
    ),
    fc.tuple(
      person,
      fc.tuple(fc.array(other, { maxLength: 3 }), mark).map(([before, one]) => [...before, one]),
    ),
  );
  fc.assert(
    fc.property(storm, ([sender, fields]) => silence(sender, fields) !== undefined),
    { numRuns: STORM },
  );
  assert.equal(silence("bob@remote.test", ["Auto-Submitted: no", "Precedence: first-class"]), undefined);
});

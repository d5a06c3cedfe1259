/** Mail that no mailer wrote, in every form that a device can ask for: an answer, never an exception. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { EmailClass } from "../../src/eas/mail/email-class.ts";
import { parseFileReference, printFileReference } from "../../src/eas/mail/file-reference.ts";
import { cutUtf8, toXmlUtf8 } from "../../src/eas/mail/utf8-body.ts";
import { applicationData, itemContext, mailItem } from "../support/eas-mail.ts";

const email = new EmailClass({ clock: systemClock, random: systemRandom });
after(() => email.close());

const pieces = fc.constantFrom(
  "From: a@b\r\n",
  "To: =?utf-8?Q?=C3?= <x@y>, z\r\n",
  "Subject: =?gb2312?B?1tDOxA==?=\r\n",
  "Content-Type: multipart/mixed; boundary=b\r\n",
  "Content-Type: multipart/alternative; boundary=b\r\n",
  "Content-Type: multipart/related; start=x; boundary=b\r\n",
  "Content-Type: multipart/signed; protocol=pkcs7; boundary=b\r\n",
  "Content-Type: text/html; charset=utf-7\r\n",
  "Content-Type: text/plain; format=flowed; delsp=yes\r\n",
  "Content-Type: text/calendar; method=REQUEST\r\n",
  "Content-Type: message/rfc822\r\n",
  "Content-Transfer-Encoding: base64\r\n",
  "Content-Disposition: attachment; filename*=utf-8''%\r\n",
  "Thread-Index: AQ==\r\n",
  "\r\n",
  "--b\r\n",
  "--b--\r\n",
  "<p>\u00e9 <b>x",
  "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:99999999T999999Z\r\n",
);
const mails = fc
  .array(
    fc.oneof(
      pieces.map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 20 }),
    ),
    { maxLength: 30 },
  )
  .map((list) => Buffer.concat(list));

test("Email: any octets in any form", async () => {
  await fc.assert(
    fc.asyncProperty(
      mails,
      fc.constantFrom(1, 2, 3, 4),
      fc.option(fc.nat(200), { nil: undefined }),
      fc.constantFrom<121 | 141 | 161>(121, 141, 161),
      async (bytes, type, truncationBytes, version) => {
        const preference = { type, truncationBytes, allOrNone: false, previewCharacters: 100 };
        const options = {
          bodyPreferences: [preference],
          bodyPartPreferences: [preference],
          mimeSupport: 2,
          mimeTruncationBytes: undefined,
        };
        const data = applicationData(await email.prepare(mailItem(bytes), itemContext(version, options)));
        assert.ok(data.children.length > 5);
      },
    ),
    { numRuns: 500, seed: 1 },
  );
});

test("cutUtf8: valid text of at most so many bytes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.nat(50), (text, most) => {
      const whole = toXmlUtf8(text);
      const cut = cutUtf8(whole, most);
      assert.ok(cut.length <= most || whole.length <= most);
      assert.ok(whole.toString().startsWith(cut.toString()));
    }),
    { seed: 1 },
  );
});

test("parseFileReference(printFileReference(v)) = v; other texts are none", () => {
  const path = fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 5 }).map((list) => list.join("."));
  const reference = fc.record({
    collectionId: fc.stringMatching(/^[\w-]{1,30}$/),
    uid: fc.integer({ min: 1, max: 0xffff_ffff }),
    path,
  });
  fc.assert(
    fc.property(reference, (value) => {
      assert.deepEqual(parseFileReference(printFileReference(value)), { ...value });
    }),
    { seed: 1 },
  );
  for (const bad of ["", "5", "5:1", "5:0:1", "5:1:0.1", "5:4294967296:1", "5:1:1/../2", ":1:1"]) {
    assert.equal(parseFileReference(bad), undefined, bad);
  }
});

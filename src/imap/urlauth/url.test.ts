import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseImapUrl, printImapUrl, type ImapUrl } from "./url.ts";

const NONE: Omit<ImapUrl, "uid"> = {
  server: undefined,
  mailbox: undefined,
  uidValidity: undefined,
  section: "",
  partial: undefined,
  expires: undefined,
  access: undefined,
  verifier: undefined,
};
const PLAIN = { noNullPrototype: true } as const;
const TOKEN = "91354a473744909de610943775f92038";

test("parseImapUrl: the examples of RFC 4467, RFC 4469 and RFC 5092", () => {
  const server = { user: "joe", host: "example.com", port: undefined };
  assert.deepEqual(parseImapUrl("/INBOX;UIDVALIDITY=785799047/;UID=11330/;SECTION=1.5.9"), {
    ...NONE,
    mailbox: "INBOX",
    uidValidity: 785_799_047,
    uid: 11_330,
    section: "1.5.9",
  });
  const rump = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred";
  assert.deepEqual(parseImapUrl(`${rump}:internal:${TOKEN}`), {
    ...NONE,
    server,
    mailbox: "INBOX",
    uid: 20,
    section: "1.2",
    access: "submit+fred",
    verifier: { mechanism: "INTERNAL", token: TOKEN, rump },
  });
  assert.deepEqual(
    parseImapUrl(
      "imap://minbari.example.org:1143/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024",
    ),
    {
      ...NONE,
      server: { user: undefined, host: "minbari.example.org", port: 1143 },
      mailbox: "gray-council",
      uidValidity: 385_759_045,
      uid: 20,
      partial: { offset: 0, length: 1024 },
    },
  );
  assert.deepEqual(parseImapUrl("imap://john;AUTH=*@minbari.example.org/babylon5/personel/;UID=5"), {
    ...NONE,
    server: { user: "john", host: "minbari.example.org", port: undefined },
    mailbox: "babylon5/personel",
    uid: 5,
  });
  assert.deepEqual(parseImapUrl(";UID=20/;SECTION=1.2"), { ...NONE, uid: 20, section: "1.2" });
  const expiring = parseImapUrl(
    "imap://joe@example.com/INBOX/;UID=20;EXPIRE=2004-05-26T12:13:14Z;URLAUTH=authuser",
  );
  assert.equal(expiring?.expires, Date.UTC(2004, 4, 26, 12, 13, 14) / 1000);
  assert.equal(parseImapUrl("/%E5%8F%B0%E5%8C%97/;UID=1/;SECTION=HEADER.FIELDS%20(A%20B)")?.mailbox, "台北");
});

test("parseImapUrl: what names no message is undefined", () => {
  for (const text of [
    "",
    "imap://example.com/",
    "imap://example.com/INBOX",
    "imap://example.com/INBOX?SUBJECT",
    "imap://example.com/;UID=1",
    "INBOX/;UID=1",
    "/INBOX/;UID=0",
    "/INBOX/;UID=4294967296",
    "/INBOX/;UID=1/;PARTIAL=1.0",
    "/INBOX/;UID=1;URLAUTH=anonymous",
    "imap://example.com/INBOX/;UID=1;URLAUTH=anonymous",
    "imap://joe@example.com/INBOX/;UID=1;EXPIRE=tomorrow;URLAUTH=anonymous",
    "imap://joe@example.com/INBOX/;UID=1;EXPIRE=2004-05-26T12:13:14Z",
    `imap://joe@example.com/INBOX/;UID=1;URLAUTH=anonymous:internal:${TOKEN.slice(1)}`,
    "/%FF/;UID=1",
    "/%/;UID=1",
    "/a\r\nb/;UID=1",
    `/${"x".repeat(9000)}/;UID=1`,
    "http://example.com/INBOX/;UID=1",
  ]) {
    assert.equal(parseImapUrl(text), undefined, text);
  }
});

test("parseImapUrl: parse(print(url)) = url", () => {
  const name = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }).filter((text) => /\S/.test(text));
  const mailbox = name.filter((text) => !text.startsWith("/") && !text.endsWith("/"));
  const uint = fc.integer({ min: 1, max: 0xffff_ffff });
  const optional = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
    fc.option(value, { nil: undefined });
  const url: fc.Arbitrary<ImapUrl> = fc.record(
    {
      server: optional(
        fc.record(
          {
            user: optional(name),
            host: fc.constantFrom("example.com", "[2001:db8::1]"),
            port: optional(fc.integer({ min: 1, max: 65_535 })),
          },
          PLAIN,
        ),
      ),
      mailbox,
      uidValidity: optional(uint),
      uid: uint,
      section: fc.constantFrom("", "1.2.MIME", "HEADER.FIELDS (Date To)"),
      partial: optional(fc.record({ offset: uint, length: optional(uint) }, PLAIN)),
      expires: fc.constant(undefined),
      access: fc.constant(undefined),
      verifier: fc.constant(undefined),
    },
    PLAIN,
  );
  fc.assert(fc.property(url, (value) => assert.deepEqual(parseImapUrl(printImapUrl(value)), value)));
  const auth = fc.record({
    expires: optional(uint),
    access: fc.constantFrom("anonymous", "user+ann@b", "submit+é"),
  });
  fc.assert(
    fc.property(url, auth, name, (value, { expires, access }, user) => {
      const authorized = { ...value, server: { user, host: "h", port: undefined }, expires, access };
      assert.deepEqual(parseImapUrl(printImapUrl(authorized)), authorized);
      const rump = printImapUrl(authorized);
      const verifier = { mechanism: "INTERNAL", token: TOKEN, rump };
      assert.deepEqual(parseImapUrl(printImapUrl({ ...authorized, verifier })), { ...authorized, verifier });
    }),
  );
});

test("parseImapUrl: any text ends in time", () => {
  const piece = fc.constantFrom(
    "imap://",
    "/",
    ";UID=",
    "1",
    ";",
    "%C3",
    "@",
    ":",
    ";SECTION=",
    ";URLAUTH=",
    "a",
    "?",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 400 }), (pieces) => {
      parseImapUrl(pieces.join(""));
    }),
  );
});

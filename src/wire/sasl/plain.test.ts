import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseExternal } from "./external.ts";
import { parseLoginAnswer } from "./login.ts";
import { MAX_SASL_MESSAGE_BYTES } from "./message-text.ts";
import { parsePlain, printPlain } from "./plain.ts";
import { prepare } from "./prepare.ts";
import { SaslError } from "./sasl-error.ts";

const malformed = (error: unknown) => error instanceof SaslError && error.code === "malformed";

test("parsePlain reads the examples of RFC 4616 §4", () => {
  deepEqual(parsePlain(Buffer.from("\0tim\0tanstaaftanstaaf")), {
    authzid: "",
    authcid: "tim",
    password: "tanstaaftanstaaf",
  });
  deepEqual(parsePlain(Buffer.from("Ursel\0Kurt\0xipj3plmq")), {
    authzid: "Ursel",
    authcid: "Kurt",
    password: "xipj3plmq",
  });
});

for (const bad of ["", "a", "a\0b", "\0\0x", "\0u\0", "\0u\0p\0", "\0u\0p\0q"]) {
  test(`parsePlain refuses ${JSON.stringify(bad)}`, () => {
    throws(() => parsePlain(Buffer.from(bad)), malformed);
  });
}

test("messages that are not UTF-8 or too long are refused", () => {
  throws(() => parsePlain(Buffer.from([0, 0xff, 0, 0x61])), malformed);
  throws(() => parsePlain(Buffer.alloc(MAX_SASL_MESSAGE_BYTES + 1, 0x61)), malformed);
});

test("parsePlain reads what printPlain writes", () => {
  const part = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(fc.oneof(part, fc.constant("")), part, part, (authzid, authcid, password) => {
      deepEqual(parsePlain(printPlain({ authzid, authcid, password })), { authzid, authcid, password });
    }),
  );
});

test("LOGIN and EXTERNAL refuse NUL", () => {
  equal(parseLoginAnswer(Buffer.from("alice")), "alice");
  throws(() => parseLoginAnswer(Buffer.from("a\0b")), malformed);
  throws(() => parseLoginAnswer(Buffer.alloc(0)), malformed);
  deepEqual(parseExternal(Buffer.alloc(0)), { authzid: "" });
  throws(() => parseExternal(Buffer.from("a\0")), malformed);
});

test("prepare follows the examples of RFC 4013 §3", () => {
  equal(prepare("I\u00adX", "query"), "IX");
  equal(prepare("user", "query"), "user");
  equal(prepare("\u00aa", "query"), "a");
  equal(prepare("\u2168", "query"), "IX");
  equal(prepare("\u0007", "query"), undefined);
  equal(prepare("\u0627\u0031", "query"), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkDevice, parseQuery, printBase64Query } from "./query-string.ts";
import { EasRefusal } from "./status.ts";
import { PROTOCOL_VERSIONS } from "./version.ts";

test("parseQuery: plain text, names in any case, escapes", () => {
  const query = parseQuery(
    "cmd=ItemOperations&User=EXAMPLE%5Calice&DEVICEID=Ab1&deviceType=iPhone+X&SaveInSent=T&x=y",
  );
  assert.equal(query.command, "ItemOperations");
  assert.equal(query.deviceId, "Ab1");
  assert.equal(query.deviceType, "iPhone X");
  assert.equal(query.version, undefined);
  assert.equal(query.parameters.get("User"), String.raw`EXAMPLE\alice`);
  assert.equal(query.parameters.get("SaveInSent"), "T");
  assert.equal(query.parameters.has("x"), false);
});

test("parseQuery: the base64 form of a Windows Phone, with a raw device id", () => {
  const deviceId = Buffer.from("f04e16b0c8ff4e2a9b7d0a1b2c3d4e5f", "hex");
  const bytes = Buffer.concat([
    Buffer.from([0x8d, 0, 0x09, 0x04, 16]),
    deviceId,
    Buffer.from([4, 0x78, 0x56, 0x34, 0x12, 2]),
    Buffer.from("WP"),
    Buffer.from([7, 1, 0x03, 3, 3]),
    Buffer.from("5:1"),
  ]);
  const base64 = bytes.toString("base64");
  const forms = [
    encodeURIComponent(base64),
    base64,
    base64.replace(/=+$/, ""),
    bytes.toString("base64url"),
    base64.replaceAll("+", " "),
  ];
  for (const form of forms) {
    const query = parseQuery(form);
    assert.equal(query.command, "Sync");
    assert.equal(query.version, 141);
    assert.equal(query.deviceId, deviceId.toString("hex").toUpperCase());
    assert.equal(query.deviceType, "WP");
    assert.equal(query.policyKey, 0x12345678);
    assert.equal(query.acceptMultipart, true);
    assert.equal(query.parameters.get("SaveInSent"), "T");
    assert.equal(query.parameters.get("ItemId"), "5:1");
    checkDevice(query);
  }
});

test("parseQuery: parse(print(query)) = query", () => {
  const words = fc.stringMatching(/^[A-Za-z0-9]{1,32}$/);
  fc.assert(
    fc.property(
      fc.constantFrom("Sync", "SendMail", "Ping", "ItemOperations", "Provision", "Find"),
      fc.constantFrom(...PROTOCOL_VERSIONS),
      words,
      words,
      fc.option(fc.integer({ min: 0, max: 0xffff_ffff }), { nil: undefined }),
      fc.boolean(),
      fc.dictionary(
        fc.constantFrom("CollectionId", "ItemId", "LongId", "AttachmentName"),
        fc.string({ maxLength: 60 }),
      ),
      (command, version, deviceId, deviceType, policyKey, acceptMultipart, given) => {
        const parameters = new Map(Object.entries(given));
        const query = { command, version, deviceId, deviceType, policyKey, acceptMultipart, parameters };
        assert.deepEqual(parseQuery(encodeURIComponent(printBase64Query(query))), query);
      },
    ),
  );
});

test("parseQuery: hostile queries are refused, nothing else", () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString("base64")),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from([121, ...bytes]).toString("base64url")),
    fc.string().map((text) => `Cmd=${text}`),
  );
  fc.assert(
    fc.property(hostile, (raw) => {
      try {
        checkDevice(parseQuery(raw));
      } catch (error) {
        assert.ok(error instanceof EasRefusal);
      }
    }),
  );
  assert.throws(() => parseQuery(""), EasRefusal);
  assert.throws(() => parseQuery(`Cmd=${"x".repeat(9000)}`), EasRefusal);
});

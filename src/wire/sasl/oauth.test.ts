import { deepEqual, equal, notEqual, throws } from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  parseBearerRefusal,
  parseOauthBearer,
  parseXoauth2,
  printBearerRefusal,
  printOauthBearer,
  printXoauth2,
} from "./oauth.ts";
import { SaslError } from "./sasl-error.ts";

const TOKEN = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==";
const malformed = (error: unknown) => error instanceof SaslError && error.code === "malformed";

test("OAUTHBEARER reads and prints the example of RFC 7628 §4.1", () => {
  const wire =
    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2c9PQEB";
  const credentials = {
    authzid: "user@example.com",
    token: TOKEN,
    host: "server.example.com",
    port: 143,
  };
  deepEqual(parseOauthBearer(Buffer.from(wire, "base64")), credentials);
  equal(printOauthBearer(credentials).toString("base64"), wire);
});

test("the refusal is the JSON of RFC 7628 §4.3", () => {
  const wire =
    "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=";
  const refusal = {
    status: "invalid_token",
    scope: "example_scope",
    openidConfiguration: "https://example.com/.well-known/openid-configuration",
  };
  equal(printBearerRefusal(refusal).toString("base64"), wire);
  deepEqual(parseBearerRefusal(Buffer.from(wire, "base64")), refusal);
});

test("XOAUTH2 reads Google's example", () => {
  const wire =
    "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==";
  const credentials = {
    authzid: "someuser@example.com",
    token: "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
  };
  deepEqual(parseXoauth2(Buffer.from(wire, "base64")), credentials);
  equal(printXoauth2(credentials).toString("base64"), wire);
});

for (const bad of [
  "",
  "n,,",
  "n,,\x01auth=Bearer x",
  "n,,\x01auth=Bearer \x01\x01",
  "n,,\x01auth=Basic x\x01\x01",
  "n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01",
  "n,,\x01port=99999999\x01auth=Bearer x\x01\x01",
  "p=tls-exporter,,\x01auth=Bearer x\x01\x01",
]) {
  test(`parseOauthBearer refuses ${JSON.stringify(bad)}`, () => {
    throws(() => parseOauthBearer(Buffer.from(bad)), malformed);
  });
}

test("hostile bytes end in SaslError", () => {
  const pieces = fc.constantFrom(
    "n,,",
    "\x01",
    "auth=Bearer ",
    "x",
    "=",
    "host=h",
    "user=",
    "port=1",
    "\0",
    "ä",
  );
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(pieces, { maxLength: 12 }).map((parts) => Buffer.from(parts.join(""))),
  );
  fc.assert(
    fc.property(hostile, (bytes) => {
      for (const parse of [parseOauthBearer, parseXoauth2, parseBearerRefusal]) {
        try {
          parse(bytes);
        } catch (error) {
          notEqual(error instanceof SaslError, false);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

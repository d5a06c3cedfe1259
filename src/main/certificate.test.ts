import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { connect, createServer } from "node:tls";
import { CERTIFICATE_DAYS, makeSelfSignedCertificate } from "./certificate.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const SERIAL = Buffer.from("ff02030405060708090a0b0c0d0e0f10", "hex");

test("makeSelfSignedCertificate: names, life and key are what was asked for", () => {
  const made = makeSelfSignedCertificate(
    ["localhost", "mail.example.test", "127.0.0.1", "::1"],
    NOW_MS,
    SERIAL,
  );
  const certificate = new X509Certificate(made.certificatePem);
  assert.equal(certificate.subject, "CN=localhost");
  assert.equal(
    certificate.subjectAltName,
    "DNS:localhost, DNS:mail.example.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
  );
  assert.ok(certificate.verify(certificate.publicKey));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(made.privateKeyPem)));
  assert.equal(certificate.validFromDate.getTime(), NOW_MS - 3_600_000);
  assert.equal(certificate.validToDate.getTime(), NOW_MS + CERTIFICATE_DAYS * 86_400_000);
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  assert.equal(certificate.serialNumber, `01${SERIAL.toString("hex").toUpperCase()}`);
});

test("makeSelfSignedCertificate: dates from 2050 on are GeneralizedTime (RFC 5280 §4.1.2.5)", () => {
  const made = makeSelfSignedCertificate(["localhost"], Date.UTC(2049, 11, 1), SERIAL);
  const certificate = new X509Certificate(made.certificatePem);
  assert.equal(certificate.validFromDate.getUTCFullYear(), 2049);
  assert.equal(certificate.validToDate.getUTCFullYear(), 2052);
});

test("makeSelfSignedCertificate: a TLS client that trusts it accepts the server's name", async () => {
  const made = makeSelfSignedCertificate(["localhost", "127.0.0.1"], Date.now(), SERIAL);
  const server = createServer({ cert: made.certificatePem, key: made.privateKeyPem }, (socket) => {
    socket.end("hello");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const text = await new Promise<string>((resolve, reject) => {
    const socket = connect({
      port: address.port,
      host: "127.0.0.1",
      servername: "localhost",
      ca: made.certificatePem,
    });
    socket.on("data", (data) => resolve(data.toString()));
    socket.on("error", reject);
  });
  assert.equal(text, "hello");
  await new Promise((closed) => server.close(closed));
});

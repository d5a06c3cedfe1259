import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { decodeSummary } from "../mime/summary-codec.ts";
import { KnownBody } from "./prepared-body.ts";

test("prepared body: digest and summary of its bytes, whose memory is given back at once", () => {
  const bytes = Buffer.allocUnsafeSlow(64);
  bytes.fill("Subject: so\r\n\r\n".padEnd(64, "x"));
  const body = new KnownBody(bytes);
  assert.equal(body.digest, hash("sha1", bytes));
  assert.equal(Buffer.from(body.known.subarray(0, 20)).toString("hex"), body.digest);
  assert.equal(decodeSummary(Buffer.from(body.known.subarray(20))).baseSubject, "SO");
  const behind = [bytes.buffer, body.known.buffer];
  body.release();
  assert.deepEqual(
    behind.map(({ byteLength }) => byteLength),
    [0, 0],
  );
});

test("prepared body: bytes that share their memory keep it", () => {
  const pool = Buffer.allocUnsafeSlow(64).fill("\r\n");
  new KnownBody(pool.subarray(0, 32)).release();
  assert.equal(pool.buffer.byteLength, 64);
});

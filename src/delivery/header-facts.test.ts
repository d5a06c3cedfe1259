import assert from "node:assert/strict";
import { test } from "node:test";
import { readHeaderFacts } from "./header-facts.ts";
import { internetDate, traceFields } from "./trace-fields.ts";

test("readHeaderFacts prefers Resent-Message-ID and counts Received in the header alone", () => {
  const head = Buffer.from(
    "Received: a\r\nMESSAGE-ID: <1@a>\r\nreceived: b\r\n c\r\nResent-Message-ID:\r\n <2@b>\r\n\r\nReceived: body\r\n",
  );
  assert.deepEqual(readHeaderFacts(head), { messageId: "<2@b>", receivedCount: 2 });
});

test("readHeaderFacts takes an empty message and an endless Message-ID", () => {
  assert.deepEqual(readHeaderFacts(Buffer.alloc(0)), { messageId: "", receivedCount: 0 });
  assert.equal(readHeaderFacts(Buffer.from(`Message-ID: <${"x".repeat(5000)}>\r\n\r\n`)).messageId, "");
});

test("traceFields writes Return-Path and Received of RFC 5321 §4.4", () => {
  const fields = traceFields(
    {
      sender: "a b@c.test",
      senderText: '"a b"@c.test',
      id: "l1-1.1",
      peerName: "mx.c.test",
      peerAddress: "2001:db8::1",
      protocol: "LMTPS",
      tls: "TLSv1.3 TLS_AES_256_GCM_SHA384",
      authenticatedAs: "",
    },
    "mail.example.test",
    Date.UTC(2026, 0, 2, 3, 4, 5),
    "alice@example.test",
  );
  assert.equal(
    fields.toString(),
    'Return-Path: <"a b"@c.test>\r\nReceived: from mx.c.test ([IPv6:2001:db8::1])\r\n\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n' +
      "\tby mail.example.test (Rookery) with LMTPS id l1-1.1 for <alice@example.test>;\r\n\tFri, 2 Jan 2026 03:04:05 +0000\r\n",
  );
  assert.equal(internetDate(0), "Thu, 1 Jan 1970 00:00:00 +0000");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { prepareMessage } from "./prepare.ts";

const OPTIONS = { hostName: "mail.example.org", nowMs: 0, id: "abc", received: "from x\r\n\tby y" };

test("Date and Message-ID are added when missing, Received always, Bcc never leaves (RFC 6409 §8)", () => {
  const prepared = prepareMessage(
    Buffer.from(
      "From: a@example.org\r\nBcc: secret@example.org,\r\n more@example.org\r\nTo: b@example.org\r\n\r\nBcc: body\r\n",
    ),
    OPTIONS,
  );
  assert.equal(
    prepared.toString(),
    "Received: from x\r\n\tby y;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n" +
      "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n" +
      "Message-ID: <abc@mail.example.org>\r\n" +
      "From: a@example.org\r\nTo: b@example.org\r\n\r\nBcc: body\r\n",
  );
});

test("a complete message gets only its Received field, and stays as it is", () => {
  const message = "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nMESSAGE-ID: <x@y>\r\n\r\n\0\r\nbare\nline";
  const prepared = prepareMessage(Buffer.from(message), { ...OPTIONS, received: undefined });
  assert.equal(prepared.toString(), message);
});

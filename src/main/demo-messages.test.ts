import assert from "node:assert/strict";
import { test } from "node:test";
import PostalMime from "postal-mime";
import { demoMessages } from "./demo-messages.ts";

const NOW_MS = Date.UTC(2026, 4, 4, 12);

test("demoMessages: well-formed mail between the demo users, a thread, UTF-8 and an attachment", async () => {
  const messages = demoMessages("example.test", NOW_MS);
  const parsed = await Promise.all(messages.map(({ message }) => PostalMime.parse(message)));
  for (const { message, sender, recipients } of messages) {
    assert.doesNotMatch(message.toString("latin1"), /[^\r]\n|\r[^\n]/, "bare CR or LF");
    for (const address of [sender, ...recipients]) assert.match(address, /^[a-z]+@example\.test$/);
  }
  assert.equal(new Set(parsed.map(({ messageId }) => messageId)).size, messages.length);
  assert.deepEqual(
    parsed.map(({ subject }) => subject),
    [
      "Welcome to Rookery",
      "Lunch on Thursday?",
      "Re: Lunch on Thursday?",
      "Re: Lunch on Thursday?",
      "Grüße aus Zürich 🚂",
      "The list you asked for",
    ],
  );
  assert.equal(parsed[3]?.references, "<lunch-1.demo@example.test> <lunch-2.demo@example.test>");
  assert.match(parsed[4]?.text ?? "", /こんにちは/);
  assert.equal(parsed[5]?.attachments[0]?.filename, "list.csv");
  assert.ok(parsed.every(({ date }) => date !== undefined && Date.parse(date) < NOW_MS));
});

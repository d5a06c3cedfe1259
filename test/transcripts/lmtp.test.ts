import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { test } from "node:test";
import { LmtpHost } from "../support/lmtp-host.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { runTranscript, transcriptFiles } from "../support/transcript.ts";

for (const file of transcriptFiles(join(import.meta.dirname, "lmtp"))) {
  test(`lmtp transcript ${basename(file, ".txt")}`, { timeout: 20_000 }, async () => {
    const host = new LmtpHost(await openInlineStore());
    try {
      await runTranscript(file, host);
      assert.deepEqual(host.failures, [], "a session failed");
    } finally {
      await host.close();
    }
  });
}

test("a refused recipient is one line of the log", { timeout: 20_000 }, async () => {
  const host = new LmtpHost(await openInlineStore());
  try {
    const peer = await host.connect();
    const commands = [
      "LHLO client",
      "MAIL FROM:<a@b.test>",
      "RCPT TO:<nobody@example.test>",
      "RCPT TO:<x@far.test>",
    ];
    peer.send(Buffer.from([...commands, "QUIT", ""].join("\r\n")));
    while ((await peer.line()) !== undefined);
    const refusals = host.events
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ event }) => event === "recipient refused")
      .map(({ sender, recipient, reply, peer: from }) => ({ sender, recipient, reply, from }));
    const common = { sender: "a@b.test", from: "192.0.2.1" };
    assert.deepEqual(refusals, [
      { ...common, recipient: "nobody@example.test", reply: "550 5.1.1 Recipient is unknown" },
      { ...common, recipient: "x@far.test", reply: "550 5.1.2 Domain is not served here" },
    ]);
  } finally {
    await host.close();
  }
});

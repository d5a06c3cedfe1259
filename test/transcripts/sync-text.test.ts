import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { test } from "node:test";
import { TextDialectHost } from "../support/text-dialect-host.ts";
import { runTranscript, transcriptFiles } from "../support/transcript.ts";

for (const file of transcriptFiles(join(import.meta.dirname, "sync-text"))) {
  test(`sync text dialect transcript ${basename(file, ".txt")}`, { timeout: 20_000 }, async () => {
    const host = await TextDialectHost.open();
    try {
      await runTranscript(file, host);
      assert.deepEqual(host.failures, [], "a session failed");
    } finally {
      await host.close();
    }
  });
}

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { test } from "node:test";
import { openInlineStore } from "../support/inline-store.ts";
import { SyncHost } from "../support/sync-host.ts";
import { runTranscript, transcriptFiles } from "../support/transcript.ts";

for (const file of transcriptFiles(join(import.meta.dirname, "sync"))) {
  test(`csync transcript ${basename(file, ".txt")}`, { timeout: 20_000 }, async () => {
    const host = new SyncHost(await openInlineStore());
    try {
      await runTranscript(file, host);
      assert.deepEqual(host.failures, [], "a session failed");
    } finally {
      await host.close();
    }
  });
}

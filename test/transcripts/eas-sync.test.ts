import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { test } from "node:test";
import { EasMailTranscriptHost } from "../support/eas-mail-transcript-host.ts";
import { assertSchema } from "../support/eas-schema.ts";
import { EasTrial } from "../support/eas-trial.ts";
import { runTranscript, transcriptFiles } from "../support/transcript.ts";

for (const file of transcriptFiles(join(import.meta.dirname, "eas-sync"))) {
  test(`eas transcript ${basename(file, ".txt")}`, { timeout: 20_000 }, async () => {
    const trial = await EasTrial.open();
    try {
      const host = new EasMailTranscriptHost(trial);
      await runTranscript(file, host);
      assert.deepEqual(host.failures, [], "a request failed");
      for (const { bytes, version } of host.answers) assertSchema(bytes, version);
    } finally {
      await trial.close();
    }
  });
}

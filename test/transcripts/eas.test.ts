import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { test } from "node:test";
import { assertSchema } from "../support/eas-schema.ts";
import { EasTranscriptHost } from "../support/eas-transcript-host.ts";
import { runTranscript, transcriptFiles } from "../support/transcript.ts";

for (const file of transcriptFiles(join(import.meta.dirname, "eas"))) {
  test(`eas transcript ${basename(file, ".txt")}`, { timeout: 20_000 }, async () => {
    const host = new EasTranscriptHost();
    await runTranscript(file, host);
    assert.deepEqual(host.failures, [], "a request failed");
    for (const { bytes, version } of host.answers) assertSchema(bytes, version);
  });
}

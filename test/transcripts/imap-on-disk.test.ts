import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { ImapHost } from "../support/imap-host.ts";
import { openStore } from "../support/open-store.ts";
import { runTranscript, transcriptFiles } from "../support/transcript.ts";
import { SimClock } from "../sim/sim-clock.ts";

/** Their lines name a UIDVALIDITY, or what is made of one, that only the store in memory gives. */
const ONLY_IN_MEMORY = new Set(["append-catenate", "qresync", "qresync-expired", "urlauth"]);
/** The store on disk tells of an UNSUBSCRIBE of a name that is gone, which the one in memory does not. */
const TOLD_OTHERWISE = new Set(["notify", "notify-delayed"]);

const FILES = ["imap", "imap-on-disk"].flatMap((folder) =>
  transcriptFiles(join(import.meta.dirname, folder)),
);
for (const file of FILES) {
  const name = basename(file, ".txt");
  if (ONLY_IN_MEMORY.has(name) || TOLD_OTHERWISE.has(name)) continue;
  test(`imap transcript ${name} on disk`, { timeout: 20_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "rookery-store-"));
    const store = await openStore({ folder, inline: true, clock: new SimClock() });
    const host = new ImapHost({}, store);
    try {
      await runTranscript(file, host);
      assert.deepEqual(host.failures, [], "a session failed");
    } finally {
      await host.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

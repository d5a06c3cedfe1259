import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { directorySettings } from "../../test/support/directory-settings.ts";
import { openInlineStore } from "../../test/support/inline-store.ts";
import { PipeEnd } from "../../test/support/pipe.ts";
import { systemRandom } from "../base/io/random.ts";
import { silentLog } from "../base/log.ts";
import { openDirectory } from "../directory/open.ts";
import { SyncSession } from "./session.ts";

test("a peer that speaks another protocol is told to go after 20 bad commands in a row", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-sync-"));
  const inline = await openInlineStore();
  const { store, clock } = inline;
  const io = { clock, random: systemRandom };
  const opened = openDirectory({ folder, io, settings: directorySettings(), log: silentLog });
  context.after(async () => {
    await opened.close();
    await inline.close();
    rmSync(folder, { recursive: true });
  });
  const [end, client] = PipeEnd.pair();
  const ended = new Promise<void>((resolve) => {
    const session = new SyncSession(
      end,
      {
        store,
        clock,
        log: silentLog,
        partitions: new Set(["default"]),
        directory: opened.directory,
        settings: { timeoutMs: 0, maxConnections: 1, maxOutputBytes: 1_000_000 },
        hostName: "sync.test",
        version: "1",
        tlsAvailable: false,
      },
      resolve,
    );
    assert.ok(session);
  });
  let said = "";
  client.onData((chunk) => (said += chunk.toString()));
  client.write("GET / HTTP/1.1\r\n".repeat(15));
  client.write("NOOP\r\n");
  client.write("HELO there\r\n".repeat(30));
  await ended;
  // GET is a command of the protocol, which needs a login; the NOOP starts the count anew.
  assert.equal(said.match(/^NO Please authenticate first/gm)?.length, 15);
  assert.equal(said.match(/^BAD /gm)?.length, 20);
  assert.match(said, /BYE too many bad commands\r\n$/);
});

// Mailboxes that begin anew with other UIDs, and a real Cyrus 3.6.1 that replicates them.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { silentLog } from "../../src/base/log.ts";
import { Secret } from "../../src/base/secret.ts";
import { connectReplica } from "../../src/sync/client/connect.ts";
import { Replica } from "../../src/sync/client/replica.ts";
import { updateUser } from "../../src/sync/client/update-user.ts";
import { logIn } from "../support/imap-peer.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { startCyrus } from "../support/peers/cyrus.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";

const BY = { userId: "alice", sessionId: 0 };

test("a Cyrus replica follows mailboxes that were renumbered", { timeout: 120_000 }, async (t) => {
  if (!(await peerOrSkip(t, "cyrus"))) return;
  const folder = mkdtempSync(join(tmpdir(), "rk-n"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const cyrus = await startCyrus({
    folder,
    users: { cyrus: "cyrus", alice: "alice" },
    settings: { virtdomains: "off" },
  });
  t.after(() => cyrus.stop());
  const inline = await openInlineStore();
  t.after(() => inline.close());
  const { store } = inline;
  const sync = async (): Promise<void> => {
    const address = {
      transport: "csync",
      host: "127.0.0.1",
      port: cyrus.ports["csync"] ?? 0,
      user: "cyrus",
      password: new Secret("cyrus"),
      tls: "off",
      compress: false,
      timeoutMs: 30_000,
    } as const;
    const ports = { network: systemNetwork, clock: systemClock, random: systemRandom };
    const { link, hasSieveMailbox } = await connectReplica(address, ports);
    const run = {
      store,
      replica: new Replica(link, hasSieveMailbox),
      clock: systemClock,
      log: silentLog,
      force: false,
      full: false,
      maxBytesPerSecond: 0,
      step() {},
      uploaded() {},
    };
    assert.deepEqual(await updateUser(run, "alice"), []);
    await link.close();
  };
  for (const name of ["user.alice", "user.alice.Work"]) {
    const { id } = await store.create(name, { uidValidity: 7 });
    for (const text of ["one", "two"]) {
      const body = store.stageBuffer(Buffer.from(`Subject: ${text}\r\n\r\n`));
      await store.append(id, [{ body, systemFlags: 0, keywords: [] }], BY);
    }
  }
  await sync();
  for (const name of ["user.alice", "user.alice.Work"]) {
    const { id } = store.mailboxes.get(name);
    await store.renumber(id, { uidValidity: 8, uids: new Map([[2, 40]]), nextUid: 41 });
  }
  await sync();
  const there = await logIn({ host: "127.0.0.1", port: cyrus.ports["imap"] ?? 0 }, "alice", "alice");
  t.after(() => there.close().catch(() => undefined));
  for (const name of ["INBOX", "Work"]) {
    const { untagged } = await there.ok(`STATUS ${name} (MESSAGES UIDNEXT UIDVALIDITY)`);
    const status =
      untagged
        .find((response) => response.name === "STATUS")
        ?.arguments()
        .rest() ?? "";
    assert.match(status, /MESSAGES 2 UIDNEXT 42 UIDVALIDITY 8/, name);
  }
});

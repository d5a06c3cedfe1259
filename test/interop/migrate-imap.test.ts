// The built-in IMAP engine from a real Dovecot into Rookery's store.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../src/base/io/clock.ts";
import { StoreTarget } from "../../src/migrate/imap/store-target.ts";
import type { Store } from "../../src/store/port.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { logIn, type ImapPeer } from "../support/imap-peer.ts";
import { type Migration, openMigration } from "../support/migration.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import type { Peer } from "../support/peers/peer.ts";

interface Pair {
  readonly source: Peer;
  readonly user: ImapPeer;
  readonly store: Store;
  readonly migration: Migration;
}

async function startPair(t: TestContext): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), "rk-m"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const source = await startDovecot({ folder, users: { alice: "alice" } });
  t.after(() => source.stop());
  const inline = await openInlineStore();
  t.after(() => inline.close());
  const { store } = inline;
  const endpoint = { host: source.host, port: source.ports["imap"] ?? 0 };
  const migration = await openMigration({
    source: endpoint,
    openTarget: ({ user }) =>
      Promise.resolve(
        new StoreTarget(user.targetUid, { store, clock: systemClock, maxMessageBytes: undefined }),
      ),
  });
  t.after(() => migration.close());
  const user = await logIn(endpoint, "alice", "alice");
  t.after(() => user.close().catch(() => undefined));
  return { source, user, store, migration };
}

/** Everything of the source's folder that a client sees. */
async function pictureOfSource(user: ImapPeer, folder: string): Promise<unknown> {
  const selected = await user.ok(`EXAMINE "${folder}"`);
  const codes = selected.untagged.map((response) => response.arguments().rest());
  const messages: string[] = [];
  const fetched = await user.ok("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])");
  const { readFetched, printFlags } = await import("../../src/imap/client-fetch.ts");
  const { dateSeconds } = await import("../../src/migrate/imap/dates.ts");
  for (const response of fetched.untagged) {
    if (response.name !== "FETCH") continue;
    const { uid, flags, internalDateText, body } = readFetched(response.arguments());
    assert.ok(Buffer.isBuffer(body) && flags !== undefined);
    const guid = createHash("sha1").update(body).digest("hex");
    messages.push(`${uid} ${guid} ${dateSeconds(internalDateText)} ${printFlags(flags)}`);
  }
  const code = (name: string): string =>
    codes
      .map((line) => new RegExp(`\\[${name} (\\d+)\\]`).exec(line)?.[1])
      .find((value) => value !== undefined) ?? "";
  return { uidValidity: Number(code("UIDVALIDITY")), uidNext: Number(code("UIDNEXT")), messages };
}

async function pictureOfStore(store: Store, name: string): Promise<unknown> {
  const { messageFlags, printFlags } = await import("../../src/imap/client-fetch.ts");
  const mailbox = store.mailboxes.get(name);
  const messages: string[] = [];
  for (const group of store.readRecords(mailbox.id)) {
    for (const record of group) {
      const flags = printFlags({ ...messageFlags(record.keywords), system: record.systemFlags });
      const body = await store.readBody(mailbox.id, record.uid);
      const guid = createHash("sha1").update(body).digest("hex");
      messages.push(`${record.uid} ${guid} ${record.internalDate} ${flags}`);
    }
  }
  return { uidValidity: mailbox.uidValidity, uidNext: mailbox.lastUid + 1, messages };
}

test("migrate: Dovecot to Rookery, pre-sync, changes, cutover: equal to the UID", async (t) => {
  if (!(await peerOrSkip(t, "dovecot"))) return;
  const { user, store, migration } = await startPair(t);
  const folders = {
    INBOX: "user.alice",
    "Entw&APw-rfe": "user.alice.Entw&APw-rfe",
    "a.b/c": "user.alice.a^b.c",
  };
  await user.ok("CREATE Entw&APw-rfe");
  await user.ok("CREATE a.b/c");
  await user.ok("SUBSCRIBE a.b/c");
  const big = Buffer.alloc(3_000_000, "0123456789\r\n");
  await user.append("INBOX", "\\Seen", Buffer.concat([Buffer.from("Subject: big\r\n\r\n"), big]));
  for (let number = 1; number <= 300; number++) {
    const flags = ["", "\\Seen", "\\Flagged $Label1", "\\Answered \\Deleted", "\\Draft zOther"][number % 5]!;
    const folder = Object.keys(folders)[number % 3]!;
    await user.append(folder, flags, Buffer.from(`Subject: message ${number}\r\n\r\nBody ${number}\r\n`));
  }
  // A UID that is no more there.
  await user.ok("SELECT INBOX");
  await user.ok("UID STORE 7 +FLAGS (\\Deleted)");
  await user.ok("UID EXPUNGE 7");
  await user.ok("CLOSE");

  const first = await migration.ok(migration.job({}));
  const compare = async (): Promise<void> => {
    for (const [name, own] of Object.entries(folders)) {
      assert.deepEqual(await pictureOfStore(store, own), await pictureOfSource(user, name), name);
    }
  };
  await compare();
  assert.ok(store.subscriptions.has("alice", "user.alice.a^b.c"));
  assert.equal(first.sourceMessageCount, first.targetMessageCount);

  // Nothing has changed: nothing is saved.
  const again = await migration.ok(migration.job({}));
  assert.equal(again.syncMessageCount, 0);

  // New, deleted, changed.
  await user.ok("SELECT INBOX");
  await user.ok("UID STORE 3,5 +FLAGS (\\Flagged new)");
  await user.ok("UID STORE 9:11 +FLAGS (\\Deleted)");
  await user.ok("UID EXPUNGE 9:11");
  await user.ok("CLOSE");
  await user.append("a.b/c", "", Buffer.from("Subject: later\r\n\r\nx\r\n"));
  const third = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.equal(third.syncMessageCount, 1);
  assert.equal(third.expungedMessageCount, 3);
  await compare();

  // A renamed folder is renamed, not copied again.
  await user.ok("RENAME Entw&APw-rfe Neu/Ort");
  const fourth = await migration.ok(migration.job({}));
  assert.equal(fourth.syncMessageCount, 0);
  assert.equal(store.mailboxes.find("user.alice.Entw&APw-rfe"), undefined);
  assert.deepEqual(await pictureOfStore(store, "user.alice.Neu.Ort"), await pictureOfSource(user, "Neu/Ort"));

  // One that is made anew under its name has the numbers of the new one.
  const { uidValidity } = store.mailboxes.get("user.alice.a^b.c");
  await user.ok("DELETE a.b/c");
  await user.ok("CREATE a.b/c");
  for (const text of ["one", "two"]) {
    await user.append("a.b/c", "\\Flagged", Buffer.from(`Subject: ${text}\r\n\r\nx\r\n`));
  }
  await user.ok("SELECT a.b/c");
  await user.ok("UID STORE 1 +FLAGS (\\Deleted)");
  await user.ok("UID EXPUNGE 1");
  await user.ok("CLOSE");
  const fifth = await migration.ok(migration.job({}));
  assert.equal(fifth.syncMessageCount, 1);
  assert.notEqual(store.mailboxes.get("user.alice.a^b.c").uidValidity, uidValidity);
  assert.deepEqual(await pictureOfStore(store, "user.alice.a^b.c"), await pictureOfSource(user, "a.b/c"));
  assert.equal((await migration.ok(migration.job({}))).syncMessageCount, 0);
});

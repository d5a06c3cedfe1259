// The built-in IMAP engine between real servers: Cyrus to Rookery's store, Dovecot to Dovecot, Cyrus to Dovecot.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { systemFiles } from "../../src/base/io/body-files.ts";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemDisk } from "../../src/base/io/system-disk.ts";
import type { Network } from "../../src/base/io/network.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { Secret } from "../../src/base/secret.ts";
import { ImapTarget } from "../../src/migrate/imap/imap-target.ts";
import { StoreTarget } from "../../src/migrate/imap/store-target.ts";
import type { MailTarget } from "../../src/migrate/imap/target.ts";
import { textReport, userReport } from "../../src/migrate/ledger/report.ts";
import type { Verification } from "../../src/migrate/ledger/verification.ts";
import { Staging } from "../../src/store/staging.ts";
import { cuttingNetwork } from "../support/cutting-network.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { logIn, type ImapPeer } from "../support/imap-peer.ts";
import { type Migration, type MigrationOptions, openMigration } from "../support/migration.ts";
import { startCyrus } from "../support/peers/cyrus.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import type { Peer } from "../support/peers/peer.ts";
import { startUp } from "../support/running-node.ts";
import { SimRandom } from "../sim/sim-random.ts";

const USER = { source: "old", sourceUid: "alice" };

function ownFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "rk-m"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function imapOf(peer: Peer): { host: string; port: number } {
  return { host: peer.host, port: peer.ports["imap"] ?? 0 };
}

async function dovecot(t: TestContext, format: "mdbox" | "maildir" = "mdbox"): Promise<Peer> {
  const peer = await startDovecot({ folder: ownFolder(t), users: { alice: "alice" }, format });
  t.after(() => peer.stop());
  return peer;
}

async function cyrus(t: TestContext): Promise<Peer> {
  const peer = await startCyrus({
    folder: ownFolder(t),
    users: { cyrus: "cyrus", alice: "alice", bob: "bob" },
    services: ["imap"],
    settings: { virtdomains: "off", altnamespace: "no", unixhierarchysep: "no" },
  });
  t.after(() => peer.stop());
  await peer.create("user.alice");
  return peer;
}

async function user(t: TestContext, peer: Peer): Promise<ImapPeer> {
  const client = await logIn(imapOf(peer), "alice", "alice");
  t.after(() => client.close().catch(() => undefined));
  return client;
}

async function migrate(
  t: TestContext,
  source: Peer,
  openTarget: MigrationOptions["openTarget"],
): Promise<Migration> {
  const settings = { verify: "digests" } as const;
  const migration = await openMigration({ source: imapOf(source), openTarget, settings });
  t.after(() => migration.close());
  return migration;
}

function toImap(t: TestContext, peer: Peer, network: Network = systemNetwork): () => Promise<MailTarget> {
  const folder = ownFolder(t);
  const staging = new Staging({ folder, files: systemFiles, random: systemRandom, maxMessageBytes: 2 ** 40 });
  Staging.sweep(folder, systemDisk);
  return () =>
    ImapTarget.connect(
      {
        ...imapOf(peer),
        tls: "off",
        verify: false,
        user: "alice",
        login: { kind: "password", password: new Secret("alice") },
        compress: false,
        silenceMs: 30_000,
      },
      {
        network,
        clock: systemClock,
        random: systemRandom,
        stage: (sizeBytes) => staging.stage(sizeBytes),
      },
    );
}

/** Broken MIME, no header, NUL-free binary, long lines: what real mailboxes hold. */
function oddMail(): Buffer[] {
  const corpus = process.env["ROOKERY_CORPUS"];
  const files =
    corpus === undefined
      ? []
      : readdirSync(join(corpus, "eml"))
          .slice(0, 60)
          .map((name) => readFileSync(join(corpus, "eml", name)));
  const lines = (bytes: Buffer): Buffer =>
    Buffer.from(
      bytes
        .toString("latin1")
        .replaceAll("\0", "")
        .replaceAll(/\r?\n|\r/g, "\r\n"),
      "latin1",
    );
  return [
    ...files.map(lines),
    Buffer.from(
      "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y",
    ),
    Buffer.from("no header at all"),
    Buffer.from("Subject: =?utf-8?q?=ff=fe?= \xe4\r\n\r\n\xff\xfe", "latin1"),
    Buffer.from(`Subject: long\r\n\r\n${"y".repeat(100_000)}\r\n`),
  ].filter(({ length }) => length > 0);
}

async function verified(migration: Migration): Promise<Verification> {
  const saved = await migration.ledger.verification(USER);
  assert.ok(saved !== undefined);
  assert.equal(saved.losses, 0, textReport(await userReport(migration.ledger, USER)));
  return JSON.parse(saved.json) as Verification;
}

test("migrate: Cyrus with INBOX. and dots to Rookery's store, with rights and a 40 MB message", async (t) => {
  if (!(await peerOrSkip(t, "cyrus"))) return;
  const source = await cyrus(t);
  const client = await user(t, source);
  for (const name of ["Sent", "Sent.2024", "B&APw-cher", "Deep.Er.Folder"])
    await client.ok(`CREATE INBOX.${name}`);
  await client.ok("SETACL INBOX.Sent bob lrs");
  await client.ok("SUBSCRIBE INBOX.B&APw-cher");
  for (const mail of oddMail())
    await client.append("INBOX.B&APw-cher", "\\Seen $Forwarded", mail).catch(() => undefined);
  const big = Buffer.concat([
    Buffer.from("Subject: big\r\n\r\n"),
    Buffer.alloc(40_000_000, "0123456789abcde\n"),
  ]);
  await client.append(
    "INBOX.Sent.2024",
    "\\Flagged",
    Buffer.from(big.toString("latin1").replaceAll("\n", "\r\n").replaceAll("\r\r", "\r"), "latin1"),
  );
  for (let number = 0; number < 30; number++) {
    await client.append(
      "INBOX",
      number % 2 === 0 ? "\\Seen" : "",
      Buffer.from(`Subject: ${number}\r\n\r\n${number}\r\n`),
    );
  }
  const inline = await openInlineStore();
  t.after(() => inline.close());
  const { store } = inline;
  const target = (): Promise<MailTarget> =>
    Promise.resolve(new StoreTarget("alice", { store, clock: systemClock, maxMessageBytes: undefined }));
  const migration = await migrate(t, source, target);
  await migration.ok(migration.job({}));
  await client.ok("SELECT INBOX");
  await client.ok("UID STORE 1:5 +FLAGS (\\Deleted)");
  await client.ok("UID EXPUNGE 1:5");
  await client.ok("UID STORE 6:7 +FLAGS (\\Answered)");
  await client.ok("CLOSE");
  await client.ok("RENAME INBOX.Deep.Er.Folder INBOX.Moved");
  await client.append("INBOX.Moved", "", Buffer.from("Subject: later\r\n\r\n"));
  const last = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.equal(last.expungedMessageCount, 5);
  const { folders } = await verified(migration);
  const names = folders.map(({ target: name }) => name).sort();
  assert.deepEqual(names, ["Bücher", "Deep", "Deep/Er", "INBOX", "Moved", "Sent", "Sent/2024"]);
  assert.ok(folders.every(({ extraMessages }) => extraMessages === 0));
  const sent = store.mailboxes.get("user.alice.Sent");
  assert.ok(sent.acl.some(({ identifier, rights }) => identifier === "bob" && rights === "lrs"));
  assert.ok(store.subscriptions.has("alice", "user.alice.B&APw-cher"));
  const again = await migration.ok(migration.job({}));
  assert.equal(again.syncMessageCount + again.expungedMessageCount, 0);
});

test("migrate: Dovecot to Dovecot over IMAP, verified to the byte, then what changed", async (t) => {
  if (!(await peerOrSkip(t, "dovecot"))) return;
  const source = await dovecot(t, "maildir");
  const destination = await dovecot(t);
  const client = await user(t, source);
  await client.ok("CREATE Gr&APwA3w-e/Unter");
  await client.ok("CREATE lower");
  await client.ok("CREATE Lower");
  for (const mail of oddMail()) await client.append("Gr&APwA3w-e/Unter", "\\Seen zKey", mail);
  const large = Buffer.concat([
    Buffer.from("Subject: large\r\n\r\n"),
    Buffer.alloc(3_000_000, "0123456789abcd\r\n"),
  ]);
  await client.append("lower", "", large);
  for (let number = 0; number < 200; number++) {
    await client.append(
      number % 2 === 0 ? "INBOX" : "Lower",
      "\\Answered",
      Buffer.from(`Subject: ${number}\r\n\r\n${number}\r\n`),
    );
  }
  const migration = await migrate(t, source, toImap(t, destination));
  await migration.ok(migration.job({}));
  await client.ok("SELECT Lower");
  await client.ok("STORE 1:10 +FLAGS (\\Deleted)");
  await client.ok("EXPUNGE");
  await client.ok("STORE 1:3 FLAGS (\\Flagged other)");
  await client.ok("CLOSE");
  await client.ok("DELETE lower");
  await client.ok("RENAME Lower Other");
  await client.append("Other", "", Buffer.from("Subject: later\r\n\r\nx\r\n"));
  const last = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.deepEqual([last.syncMessageCount, last.expungedMessageCount], [1, 11]);
  const { folders } = await verified(migration);
  assert.ok(folders.every(({ extraMessages }) => extraMessages === 0));
  const copy = await user(t, destination);
  const flagged = await copy.ok("STATUS Other (MESSAGES UNSEEN)");
  assert.match(flagged.untagged[0]?.arguments().rest() ?? "", /MESSAGES 91/);
  await copy.ok("SELECT Other");
  const found = await copy.ok("SEARCH FLAGGED KEYWORD other NOT ANSWERED");
  assert.equal(
    found.untagged
      .find(({ name }) => name === "SEARCH")
      ?.arguments()
      .rest()
      .trim(),
    "1 2 3",
  );
});

test("migrate: a copy that was cut off after an append and before its record does not double it", async (t) => {
  if (!(await peerOrSkip(t, "dovecot"))) return;
  const source = await dovecot(t);
  const destination = await dovecot(t);
  const client = await user(t, source);
  for (let number = 0; number < 40; number++) {
    await client.append("INBOX", "", Buffer.from(`Subject: ${number}\r\n\r\n${number}\r\n`));
  }
  const open = toImap(t, destination);
  let hasDied = false;
  const migration = await migrate(t, source, async () => {
    const target = await open();
    const append = target.append.bind(target);
    target.append = async (...words) => {
      const outcomes = await append(...words);
      if (!hasDied) {
        hasDied = true;
        throw new Error("the worker died here");
      }
      return outcomes;
    };
    return target;
  });
  await assert.rejects(migration.run(migration.job({})), /died here/);
  await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  const { folders } = await verified(migration);
  assert.deepEqual(
    folders.map(({ targetMessages, extraMessages }) => [targetMessages, extraMessages]),
    [[40, 0]],
  );
  const text = textReport(await userReport(migration.ledger, USER));
  assert.match(text, /0 saved, 40 were there/);
});

test("migrate: Rookery to Rookery's store under STARTTLS and COMPRESS", async (t) => {
  const node = await startUp(join(ownFolder(t), "data"), ["--password", "alice"]);
  t.after(() => node.stop());
  const { host, port } = node.endpoint("imap");
  const inline = await openInlineStore();
  t.after(() => inline.close());
  const { store } = inline;
  const migration = await openMigration({
    source: { host, port },
    settings: { tls: "starttls", verifyCertificate: false, compress: true, verify: "digests" },
    openTarget: () =>
      Promise.resolve(new StoreTarget("alice", { store, clock: systemClock, maxMessageBytes: undefined })),
  });
  t.after(() => migration.close());
  const result = await migration.ok(migration.job({ useImapcSsl: undefined }, { phase: "CUTOVER" }));
  assert.ok((result.sourceMessageCount ?? 0) > 0);
  assert.equal(result.targetMessageCount, result.sourceMessageCount);
  await verified(migration);
});

test("migrate: connections of both sides are cut again and again, no message is lost or doubled", async (t) => {
  if (!(await peerOrSkip(t, "dovecot"))) return;
  const source = await dovecot(t);
  const destination = await dovecot(t);
  const client = await user(t, source);
  await client.ok("CREATE Other");
  for (const folder of ["INBOX", "Other"]) {
    const parts = Array.from({ length: 300 }, (_, number) => [
      " (\\Seen) ",
      Buffer.from(`Subject: ${folder} ${number}\r\n\r\n${"x".repeat((number * 37) % 3000)}\r\n`),
    ]);
    await client.ok(`APPEND ${folder}`, ...parts.flat());
  }
  const random = new SimRandom(7);
  let cuts = 0;
  // Each cut comes a little later than the one before, so that there is an end.
  const network = cuttingNetwork((port) => {
    if (cuts >= (process.env["ROOKERY_LONG"] === undefined ? 12 : 60)) return undefined;
    cuts++;
    return port === source.ports["imap"]
      ? 20_000 + random.below(150_000)
      : 600 + cuts * 150 + random.below(2500);
  });
  const migration = await openMigration({
    source: imapOf(source),
    network,
    settings: { verify: "digests", attempts: 100 },
    openTarget: toImap(t, destination, network),
    ports: { firstPauseMs: 0 },
  });
  t.after(() => migration.close());
  await migration.ok(migration.job({}));
  await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  const { folders } = await verified(migration);
  for (const { targetMessages, extraMessages } of folders) {
    assert.deepEqual([targetMessages, extraMessages], [300, 0]);
  }
});

// A message that was expunged on a replica comes back under its UID by replication (the text dialect uploads what the
// replica lacks) while IMAP sessions have the mailbox selected: their numbers stay what they were told, nothing breaks, and
// it is there for who selects the mailbox anew.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import { toUid } from "../../src/base/numbers.ts";
import type { Store } from "../../src/store/port.ts";
import { TextReplica } from "../../src/sync/text/client/text-replica.ts";
import { updateFoldersByText } from "../../src/sync/text/client/update-by-text.ts";
import { TextSession } from "../../src/sync/text/text-session.ts";
import { ImapHost } from "../support/imap-host.ts";
import { openInlineStore } from "../support/inline-store.ts";
import type { PipePeer } from "../support/pipe-peer.ts";
import { PipeEnd } from "../support/pipe.ts";

const INBOX = "user.alice";
const ALICE = { userId: "alice", sessionId: 0 };

interface Scene {
  readonly host: ImapHost;
  readonly master: Store;
  /** Makes the replica's INBOX equal. */
  readonly replicate: () => Promise<void>;
  /** One more message at the master. */
  readonly deliver: () => Promise<void>;
}

/** Five messages at both ends. */
async function openScene(t: TestContext): Promise<Scene> {
  const replica = await openInlineStore();
  const host = new ImapHost(replica);
  t.after(() => host.close());
  await host.directive(["raw"]);
  const inline = await openInlineStore();
  t.after(() => inline.close());
  const { store: master, clock } = inline;
  await master.create(INBOX, { uniqueId: host.store.mailboxes.get(INBOX).uniqueId });
  const replicate = async (): Promise<void> => {
    const [end, client] = PipeEnd.pair();
    const services = { store: host.store, clock, log: silentLog, partitions: new Set(["default"]) };
    void new TextSession(end, services);
    const text = await TextReplica.open(client, clock, 60_000);
    const run = { store: master, replica: text, clock, log: silentLog, step() {}, uploaded() {} };
    assert.deepEqual(await updateFoldersByText(run, "alice", [master.mailboxes.get(INBOX)]), []);
    await text.link.close();
  };
  const deliver = async (): Promise<void> => {
    const own = master.mailboxes.get(INBOX);
    const number = own.lastUid + 1;
    const text = `From: b@example.test\r\nDate: Thu, 1 Jan 2026 00:0${number}:00 +0000\r\nSubject: message ${number}\r\n\r\nbody ${number}\r\n`;
    const body = master.stageBuffer(Buffer.from(text));
    await master.append(own.id, [{ body, systemFlags: 0, keywords: [] }], ALICE);
    body.release();
  };
  for (let count = 0; count < 5; count++) await deliver();
  await replicate();
  return { host, master, replicate, deliver };
}

/** A session that has the INBOX selected, and says what each command answered. */
async function select(
  host: ImapHost,
  ...commands: readonly string[]
): Promise<(command: string) => Promise<string[]>> {
  const peer: PipePeer = host.open();
  await peer.line();
  let tags = 0;
  const run = async (command: string): Promise<string[]> => {
    const tag = `t${++tags}`;
    peer.send(Buffer.from(`${tag} ${command}\r\n`));
    const lines: string[] = [];
    for (;;) {
      const line = await peer.line();
      assert.ok(line !== undefined, `the session ended at ${command}`);
      if (!line.startsWith(`${tag} `)) {
        lines.push(line);
        continue;
      }
      assert.match(line, /^t\d+ OK/, `${command}: ${line}`);
      return lines;
    }
  };
  for (const command of ["LOGIN alice secret", ...commands, "SELECT INBOX"]) await run(command);
  return run;
}

const QUESTIONS = [
  "FETCH 1:* (UID FLAGS MODSEQ)",
  "UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)",
  "UID FETCH 2 (FLAGS BODY.PEEK[])",
  "FETCH 2 (UID BODY.PEEK[HEADER])",
  "SEARCH ALL",
  "UID SEARCH ALL",
  "SEARCH TEXT body",
  'SEARCH SUBJECT "message"',
  "SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN",
  "UID SEARCH RETURN (ALL) NOT DELETED",
  "SORT (REVERSE DATE SUBJECT) UTF-8 ALL",
  "UID SORT (SUBJECT) UTF-8 ALL",
  "THREAD REFERENCES UTF-8 ALL",
  "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)",
  "NOOP",
];

/** What one session sees; every answer must speak of these messages alone. */
async function assertPicture(
  run: (command: string) => Promise<string[]>,
  uids: readonly number[],
  hidden: readonly number[],
): Promise<void> {
  const fetched = (await run("FETCH 1:* (UID)")).filter((line) => line.includes("(UID "));
  assert.deepEqual(
    fetched,
    uids.map((uid, index) => `* ${index + 1} FETCH (UID ${uid})`),
  );
  assert.deepEqual(await run("UID SEARCH ALL"), [`* SEARCH ${uids.join(" ")}`]);
  for (const question of QUESTIONS) {
    for (const line of await run(question)) {
      const [, number] = /^\* (\d+) FETCH/.exec(line) ?? [];
      assert.ok(number === undefined || Number(number) <= uids.length, `${question}: ${line}`);
      for (const uid of hidden) {
        assert.doesNotMatch(line, new RegExp(`UID ${uid}\\b|message ${uid}\\b|body ${uid}\\b`), question);
      }
    }
  }
  const bySequence = `* SEARCH ${uids.map((_, index) => index + 1).join(" ")}`;
  assert.deepEqual(await run("SEARCH ALL"), [bySequence]);
  assert.deepEqual(await run("SEARCH SUBJECT message"), [bySequence]);
  const sorted = (await run("UID SORT (SUBJECT) UTF-8 ALL"))[0];
  assert.equal(sorted, `* SORT ${uids.join(" ")}`);
}

for (const [name, commands] of [
  ["plain", []],
  ["CONDSTORE", ["ENABLE CONDSTORE"]],
  ["QRESYNC", ["ENABLE QRESYNC"]],
] as const) {
  test(`a UID that comes back under a ${name} session keeps out of its numbers until it selects again`, async (t) => {
    const { host, master, replicate, deliver } = await openScene(t);
    const reader = await select(host, ...commands);
    const writer = await select(host);
    await writer("STORE 2,4 +FLAGS.SILENT (\\Deleted)");
    await writer("EXPUNGE");
    const told = await reader("NOOP");
    assert.ok(
      told.some((line) => /EXPUNGE|VANISHED 2,4/.test(line)),
      told.join("\n"),
    );
    await assertPicture(reader, [1, 3, 5], []);

    const { feed } = host.store;
    const before = feed.head;
    await replicate();
    const kinds = feed.read(before, 100).map(({ kind }) => kind);
    assert.ok(kinds.includes("revive"), "the text index hears of it");
    assert.deepEqual(
      [...host.store.readRecords(host.store.mailboxes.get(INBOX).id)].flat().map(({ uid }) => uid),
      [1, 2, 3, 4, 5].map((uid) => toUid(uid)),
    );
    for (const line of await reader("NOOP")) assert.doesNotMatch(line, /EXPUNGE|VANISHED|EXISTS/);
    await assertPicture(reader, [1, 3, 5], [2, 4]);

    // The numbers go on from there.
    await deliver();
    await replicate();
    assert.ok((await reader("NOOP")).includes("* 4 EXISTS"));
    await assertPicture(reader, [1, 3, 5, 6], [2, 4]);

    // Changes go to the messages that the client means.
    await reader("STORE 1:* +FLAGS.SILENT (\\Flagged)");
    await reader("UID STORE 2:4 +FLAGS.SILENT (\\Answered)");
    await reader("COPY 1:* Trash").catch(() => undefined);
    const flags = new Map(
      [...host.store.readRecords(host.store.mailboxes.get(INBOX).id)]
        .flat()
        .map((record) => [record.uid as number, record.systemFlags]),
    );
    assert.deepEqual([...flags.keys()], [1, 2, 3, 4, 5, 6]);
    assert.equal(flags.get(2), flags.get(4));
    assert.notEqual(flags.get(2), flags.get(1));
    assert.notEqual(flags.get(3), flags.get(1));

    // Something else goes.
    const another = await select(host);
    await assertPicture(another, [1, 2, 3, 4, 5, 6], []);
    await another("UID STORE 1,2 +FLAGS.SILENT (\\Deleted)");
    await another("UID EXPUNGE 1,2");
    const gone = (await reader("NOOP")).filter((line) => /EXPUNGE|VANISHED/.test(line));
    assert.deepEqual(gone, [name === "QRESYNC" ? "* VANISHED 1" : "* 1 EXPUNGE"]);
    await assertPicture(reader, [3, 5, 6], [4]);
    await reader("SELECT INBOX");
    await assertPicture(reader, [3, 4, 5, 6], []);
    await reader("CLOSE");
    assert.equal(master.mailboxes.get(INBOX).exists, 6);
    assert.deepEqual(host.failures, []);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/io/clock.ts";
import { toUid } from "../../base/numbers.ts";
import { ImapClientError } from "../../imap/client-command.ts";
import { SystemFlag } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import type { FakeMessage } from "../../../test/support/fake-imap-source.ts";
import { inbox, messages, setUp } from "../../../test/support/migration-scene.ts";
import { textReport, userReport } from "../ledger/report.ts";
import { StoreTarget } from "./store-target.ts";

const BY = { userId: "alice", sessionId: 0 };
const USER = { source: "old", sourceUid: "alice" };

test("new numbers: a folder that was made anew at the source has its new UIDs here, too", async (t) => {
  const { migration, store, stored, options } = await setUp(t, inbox(10));
  options.folders.push({ name: "List", uidValidity: 20, messages: messages(10) });
  await migration.ok(migration.job({}));
  await arrive(store, "user.alice", "delivered here");
  await arrive(store, "user.alice.List", "delivered here");
  const [first, list] = options.folders;
  first!.uidValidity = 30;
  // The same mail under other numbers, one less, two more.
  first!.messages = [...renumbered(messages(9), 40), ...messages(2, 100)];
  list!.uidValidity = 31;
  list!.messages = messages(3, 1).map((message) => ({
    ...message,
    body: Buffer.from("Subject: other\r\n\r\n"),
  }));
  const result = await migration.ok(migration.job({}));
  assert.equal(result.syncMessageCount, 2 + 3);
  assert.equal(store.mailboxes.get("user.alice").uidValidity, 30);
  assert.equal(store.mailboxes.get("user.alice.List").uidValidity, 31);
  const bodies = await stored("user.alice");
  assert.deepEqual([...bodies.keys()], [41, 42, 43, 44, 45, 46, 47, 48, 49, 100, 101, 102]);
  for (const { uid, body } of first!.messages) assert.equal(bodies.get(uid), body.toString());
  assert.match(bodies.get(102) ?? "", /delivered here/);
  assert.deepEqual([...(await stored("user.alice.List")).keys()], [1, 2, 3, 4]);
  // The ledger knows what is where: nothing to do, and changes find their messages.
  assert.equal((await migration.ok(migration.job({}))).syncMessageCount, 0);
  first!.messages[0]!.flags = "\\Flagged";
  first!.highestModseq = 5;
  first!.messages.push(...messages(1, 200));
  await migration.ok(migration.job({}));
  const { id } = store.mailboxes.get("user.alice");
  assert.equal(store.findRecord(id, toUid(41))?.systemFlags, SystemFlag.flagged);
  assert.ok((await stored("user.alice")).has(200));
});

test("new numbers: what users did here stays theirs", async (t) => {
  const { migration, store, options } = await setUp(t, inbox(4));
  await migration.ok(migration.job({}));
  const { id } = store.mailboxes.get("user.alice");
  const flag = { mode: "add", systemFlags: SystemFlag.flagged, keywords: ["Mine"] } as const;
  await store.storeFlags(id, [toUid(2)], flag, BY);
  await store.expunge(id, [toUid(3)], { onlyDeleted: false }, BY);
  const folder = options.folders[0]!;
  folder.uidValidity = 30;
  folder.messages = renumbered(messages(4), 10);
  await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  const fresh = store.mailboxes.get("user.alice");
  assert.deepEqual(store.findRecord(fresh.id, toUid(12))?.keywords, ["Mine"]);
});

test("new numbers: a run that dies on the way leaves everything in place, the next one carries on", async (t) => {
  const { migration, store, stored, options } = await setUp(t, inbox(600));
  await migration.ok(migration.job({}));
  const folder = options.folders[0]!;
  folder.uidValidity = 30;
  folder.messages = [...renumbered(messages(599), 1000), ...messages(1, 5000)];
  const stop = new AbortController();
  options.message = ({ uid }) => {
    if (uid === 1590) stop.abort();
    return undefined;
  };
  assert.equal((await migration.run(migration.job({}), { signal: stop.signal })).status, "ABORTED");
  assert.equal(store.mailboxes.get("user.alice").uidValidity, 9);
  assert.ok((await stored("user.alice")).size >= 600);
  options.message = () => undefined;
  await migration.ok(migration.job({}));
  assert.equal(store.mailboxes.get("user.alice").uidValidity, 30);
  // The one that went at the source went here, although the first run had seen it go.
  assert.deepEqual(
    [...(await stored("user.alice")).keys()],
    folder.messages.map(({ uid }) => uid),
  );
});

test("new numbers: a run that dies right after the renumbering doubles nothing", async (t) => {
  let dies = false;
  let opened: Store | undefined;
  const { migration, store, stored, options } = await setUp(t, inbox(20), {
    openTarget: ({ user }) => {
      const target = new StoreTarget(user.targetUid, {
        store: opened!,
        clock: systemClock,
        maxMessageBytes: undefined,
      });
      const renumber = target.renumber.bind(target);
      target.renumber = async (folder, numbers) => {
        const done = await renumber(folder, numbers);
        if (!dies) return done;
        dies = false;
        throw new ImapClientError("the cable was pulled");
      };
      return Promise.resolve(target);
    },
  });
  opened = store;
  await migration.ok(migration.job({}));
  const folder = options.folders[0]!;
  folder.uidValidity = 30;
  folder.messages = renumbered(messages(20), 50);
  dies = true;
  const result = await migration.ok(migration.job({}));
  assert.equal(dies, false);
  assert.match(JSON.stringify(result.details), /cable/);
  assert.deepEqual(
    [...(await stored("user.alice")).keys()],
    folder.messages.map(({ uid }) => uid),
  );
  const ledger = (await migration.ledger.folders(USER)).get("INBOX");
  assert.equal((await ledger?.find(51))?.targetUid, 51);
  assert.equal(ledger?.cursor.keepsUids, true);
});

test("new numbers: the copy of a message that the source gives out no more stays, until it does", async (t) => {
  const { migration, store, stored, options } = await setUp(t, inbox(10));
  await migration.ok(migration.job({}));
  const folder = options.folders[0]!;
  folder.uidValidity = 30;
  // One was deleted, and of another the body comes as NIL.
  folder.messages = renumbered(messages(9), 40);
  options.message = ({ uid }) => (uid === 45 ? "* 5 FETCH (UID 45 FLAGS () BODY[] NIL)\r\n" : undefined);
  const broken = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.equal(broken.expungedMessageCount, 0);
  assert.match(JSON.stringify(broken.details), /INBOX: 2 copies .* are kept: 1 that the source has did not/);
  const report = textReport(await userReport(migration.ledger, USER));
  assert.match(report, /UID 45 missing: .*\n +2 copies from before its UIDVALIDITY changed are kept\n/);
  assert.equal(store.mailboxes.get("user.alice").uidValidity, 30);
  const kept = await stored("user.alice");
  assert.deepEqual([...kept.keys()], [41, 42, 43, 44, 46, 47, 48, 49, 50, 51]);
  assert.match(kept.get(50) ?? "", /body of 5/);
  assert.match(kept.get(51) ?? "", /body of 10/);
  options.message = () => undefined;
  const mended = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.equal(mended.expungedMessageCount, 2);
  const bodies = await stored("user.alice");
  assert.deepEqual(
    [...bodies.keys()],
    folder.messages.map(({ uid }) => uid),
  );
  assert.match(bodies.get(45) ?? "", /body of 5/);
  assert.doesNotMatch(textReport(await userReport(migration.ledger, USER)), /kept/);
});

test("new numbers: as many copies as losses take their place, and what users did to them stays", async (t) => {
  const { migration, store, stored, options } = await setUp(t, inbox(10));
  await migration.ok(migration.job({}));
  const flag = { mode: "add", systemFlags: 0, keywords: ["Mine"] } as const;
  await store.storeFlags(store.mailboxes.get("user.alice").id, [toUid(5)], flag, BY);
  const folder = options.folders[0]!;
  folder.uidValidity = 30;
  folder.messages = renumbered(messages(10), 40);
  options.message = ({ uid }) => (uid === 45 ? "* 5 FETCH (UID 45 FLAGS () BODY[] NIL)\r\n" : undefined);
  const there = folder.messages.map(({ uid }) => uid);
  for (let run = 0; run < 2; run++) {
    await migration.ok(migration.job({}, { phase: "CUTOVER" }));
    assert.deepEqual([...(await stored("user.alice")).keys()], there);
  }
  options.message = () => undefined;
  const mended = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.deepEqual([mended.syncMessageCount, mended.expungedMessageCount], [0, 0]);
  assert.deepEqual([...(await stored("user.alice")).keys()], there);
  const { id } = store.mailboxes.get("user.alice");
  assert.deepEqual(store.findRecord(id, toUid(45))?.keywords, ["Mine"]);
});

test("new numbers: copies stay while the source lists fewer messages than it counts", async (t) => {
  const { migration, stored, options } = await setUp(t, inbox(4));
  await migration.ok(migration.job({}));
  const folder = options.folders[0]!;
  folder.uidValidity = 30;
  folder.messages = renumbered(messages(4), 40);
  options.answer = (command) =>
    command.startsWith("UID SEARCH") ? '* ESEARCH (TAG "TAG") UID ALL 41:43\r\nTAG OK done\r\n' : undefined;
  const result = await migration.ok(migration.job({}));
  assert.match(JSON.stringify(result.details), /INBOX: 1 copies .* are kept: the source lists too few/);
  assert.match((await stored("user.alice")).get(45) ?? "", /body of 4/);
});

function renumbered(list: readonly FakeMessage[], by: number): FakeMessage[] {
  return list.map((message) => ({ ...message, uid: message.uid + by }));
}

async function arrive(store: Store, name: string, text: string): Promise<void> {
  const body = store.stageBuffer(Buffer.from(`Subject: ${text}\r\n\r\n`));
  await store.append(store.mailboxes.get(name).id, [{ body, systemFlags: 0, keywords: [] }], BY);
}

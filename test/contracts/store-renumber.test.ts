/** A mailbox that begins anew under its name: other numbers, the same messages, nothing that hangs on it lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toUid } from "../../src/base/numbers.ts";
import { SystemFlag } from "../../src/store/model.ts";
import { ALICE, BOB, StoreTrial } from "../support/store-trial.ts";
import { openSyncPair } from "../support/sync-pair.ts";

test("renumber: messages take their new UIDs along with all they have, the former mailbox is deleted", async (t) => {
  const trial = await StoreTrial.open(t);
  const { store } = trial;
  const acl = [
    { identifier: "alice", rights: "lrswipkxtecdan" },
    { identifier: "bob", rights: "lrs" },
  ];
  const { id, uniqueId } = await store.create("user.alice", { uidValidity: 7, acl });
  await store.quotas.set("user.alice", { messageLimit: 5 });
  const messages = ["one", "two", "three", "four"].map((text) =>
    trial.message(text, SystemFlag.flagged, ["Work", text]),
  );
  await store.append(id, messages, ALICE);
  await store.expunge(id, [toUid(2)], { onlyDeleted: false }, ALICE);
  const note = { entry: "/comment", userId: "alice", value: Buffer.from("noted") };
  await store.annotateMessages(id, [toUid(3)], [note], ALICE);
  await store.annotations.set("user.alice", [note]);
  await store.storeFlags(id, [toUid(3)], { mode: "add", systemFlags: SystemFlag.seen, keywords: [] }, BOB);
  const before = store.findRecord(id, toUid(3))!;

  // 2 is gone; 4 came from somebody else.
  const uids = new Map([
    [1, 50],
    [2, 20],
    [3, 10],
  ]);
  const fresh = await store.renumber(id, { uidValidity: 8, uids, nextUid: 51 });

  assert.equal(store.mailboxes.get("user.alice").id, fresh.id);
  assert.notEqual(fresh.uniqueId, uniqueId);
  assert.equal(fresh.uidValidity, 8);
  assert.equal(fresh.lastUid, 51);
  assert.deepEqual(fresh.acl, acl);
  const records = [...store.readRecords(fresh.id)].flat();
  assert.deepEqual(
    records.map(({ uid, keywords, systemFlags }) => [uid, keywords.toSorted(), systemFlags]),
    [
      [10, ["Work", "three"], SystemFlag.flagged],
      [50, ["Work", "one"], SystemFlag.flagged],
      [51, ["Work", "four"], SystemFlag.flagged],
    ],
  );
  const { guid, internalDate, saveDate } = records[0]!;
  assert.deepEqual([guid, internalDate, saveDate], [before.guid, before.internalDate, before.saveDate]);
  assert.match((await store.readBody(fresh.id, toUid(10))).toString(), /three/);
  assert.equal(store.annotations.ofMessage(fresh.id, toUid(10))[0]?.value.toString(), "noted");
  assert.equal([...store.annotations.list("user.alice", "alice")].length, 1);
  assert.equal(store.seen.get("bob", fresh.uniqueId)?.seenUids, "10");
  assert.equal(store.quotas.get("user.alice")?.messagesUsed, 3);
  assert.match(store.mailboxes.byUniqueId(uniqueId)?.name ?? "", /^DELETED\.user\.alice\./);
  const found: string[] = [];
  await store.maintenance.check({}, (event) => {
    if (event.kind === "finding") found.push(event.finding.text);
  });
  assert.deepEqual(found, []);
  const restarted = await trial.reopen();
  assert.equal(restarted.mailboxes.get("user.alice").syncCrc, fresh.syncCrc);
});

test("renumber: one UID for two messages is refused and changes nothing", async (t) => {
  const trial = await StoreTrial.open(t);
  const { store } = trial;
  const { id } = await store.create("user.alice", { uidValidity: 7 });
  await trial.append(id, "one", "two");
  const uids = new Map([
    [1, 9],
    [2, 9],
  ]);
  const refused = store.renumber(id, { uidValidity: 8, uids, nextUid: 1 });
  await assert.rejects(refused, { code: "mailbox_operation_invalid" });
  assert.equal(store.mailboxes.get("user.alice").id, id);
  assert.deepEqual(
    [...store.readRecords(id)].flat().map(({ uid }) => uid),
    [1, 2],
  );
});

test("renumber: what was on its way to the former mailbox is refused, not lost", async (t) => {
  const trial = await StoreTrial.open(t);
  const { store } = trial;
  const { id } = await store.create("user.alice", { uidValidity: 7 });
  const other = await store.create("user.alice.other", {});
  await trial.append(other.id, "moved");
  const fresh = await store.renumber(id, { uidValidity: 8, uids: new Map(), nextUid: 1 });
  const target = {
    mailbox: id,
    systemFlags: 0,
    keywords: [],
    prefix: Buffer.alloc(0),
  };
  const [delivered] = await store.deliver(store.stageBuffer(Buffer.from("Subject: mail\r\n\r\n")), [target]);
  assert.equal(delivered?.status, "refused");
  assert.equal(delivered.error.message, `${store.mailboxes.byId(id)?.name} is deleted`);
  const gone = { code: "mailbox_not_found" };
  await assert.rejects(trial.append(id, "draft"), gone);
  await assert.rejects(store.copy(other.id, [toUid(1)], id, { move: true }, ALICE), gone);
  assert.equal(store.mailboxes.byId(id)?.exists, 0);
  assert.equal(store.mailboxes.byId(fresh.id)?.exists, 0);
  assert.equal(store.mailboxes.byId(other.id)?.exists, 1);
});

test("renumber: a replica follows", async (t) => {
  const { here, sync } = await openSyncPair(t);
  const by = { userId: "bob", sessionId: 0 };
  const inbox = await here.create("user.bob", { uidValidity: 7 });
  const list = await here.create("user.bob.List", { uidValidity: 7 });
  for (const { id } of [inbox, list]) {
    const body = here.stageBuffer(Buffer.from(`Subject: ${id}\r\n\r\n`));
    await here.append(id, [{ body, systemFlags: 0, keywords: [] }], by);
  }
  await sync("bob");
  for (const { id } of [inbox, list]) {
    await here.renumber(id, { uidValidity: 8, uids: new Map([[1, 30]]), nextUid: 31 });
  }
  await sync("bob");
});

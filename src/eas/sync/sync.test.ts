import assert from "node:assert/strict";
import { deliver, expunge } from "../../../test/support/eas-mailbox.ts";
import { ids, names, scene } from "../../../test/support/eas-scene.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { type SyncCollection, syncedCollection, writeSync } from "../client-commands.ts";

const t = tagOf;

scene(
  "Sync: a phone gets the mail of a folder, newest first, in windows",
  async ({ trial, phone, inbox }) => {
    await deliver(trial, 25);
    await phone.sync(inbox);
    assert.equal(await phone.sync(inbox, { windowSize: 10 }), true);
    const { items } = phone.collection(inbox);
    assert.equal([...items.keys()][0], `${inbox}:25`);
    assert.equal(items.size, 10);
    await phone.syncAll(inbox, 10);
    assert.equal(items.size, 25);
    assert.equal(items.get(`${inbox}:1`)?.subject, "mail 0");
  },
);

scene("Sync: a lost answer is given again, what vanished as a delete", async ({ trial, phone, inbox }) => {
  const uids = await deliver(trial, 5);
  await phone.sync(inbox);
  await phone.sync(inbox, { lose: true });
  await expunge(trial, [uids[0]!]);
  await phone.sync(inbox);
  assert.equal(phone.collection(inbox).items.size, 4);
  await phone.syncAll(inbox);
  assert.equal(phone.collection(inbox).items.size, 4);
});

scene("Sync: without news the answer is empty and nothing is written", async ({ trial, phone, inbox }) => {
  await deliver(trial, 3);
  await phone.syncAll(inbox);
  const address = { userId: "alice", deviceId: "PHONE1", kind: "collection", key: inbox } as const;
  const before = await trial.states.get(address);
  const { key } = phone.collection(inbox);
  assert.equal(await phone.sync(inbox), false);
  assert.equal(phone.collection(inbox).key, key);
  assert.equal((await trial.states.get(address))?.version, before?.version);
});

scene("Sync: statuses of keys and collections", async ({ phone, inbox, sync }) => {
  await phone.syncAll(inbox);
  const status = async (syncKey: string, collectionId: string): Promise<number | undefined> =>
    syncedCollection(await sync([{ syncKey, collectionId }]), collectionId)?.status;
  assert.equal(await status("7-abcdefabcdef", inbox), 3);
  assert.equal(await status("nonsense", inbox), 3);
  assert.equal(await status("0", "999"), 12);
  assert.equal((await sync([]))?.textOf(t("AirSync:Status")), "4");
  const twice = { syncKey: "0", collectionId: inbox };
  assert.equal((await sync([twice, twice]))?.textOf(t("AirSync:Status")), "4");
});

scene("Sync: options hold until they are given again", async ({ trial, phone, inbox, sync }) => {
  await deliver(trial, 2, { daysAgo: 20 });
  await deliver(trial, 1);
  const ask = async (collection: Omit<SyncCollection, "collectionId">) =>
    syncedCollection(await sync([{ ...collection, collectionId: inbox }]), inbox);
  const start = await ask({ syncKey: "0", filterType: 2 });
  const first = await ask({ syncKey: start!.syncKey });
  assert.deepEqual(ids(first!.commands), [`${inbox}:3`]);
  const wide = await ask({ syncKey: first!.syncKey, filterType: 5 });
  assert.deepEqual(ids(wide!.commands), [`${inbox}:2`, `${inbox}:1`]);
  const narrow = await ask({ syncKey: wide!.syncKey, filterType: 1 });
  assert.deepEqual(names(narrow!.commands), ["AirSync:SoftDelete", "AirSync:SoftDelete"]);
  assert.equal(phone.collection(inbox).items.size, 0);
});

scene("Sync: mail grows too old for the filter", async ({ trial, phone, inbox }) => {
  await deliver(trial, 2);
  phone.collection(inbox).filterType = 1;
  await phone.syncAll(inbox);
  assert.equal(phone.collection(inbox).items.size, 2);
  trial.clock.advance(2 * 86_400_000);
  await phone.syncAll(inbox);
  assert.equal(phone.collection(inbox).items.size, 0);
});

scene(
  "Sync: WindowSize of the whole request bounds all collections",
  async ({ trial, phone, inbox, sync }) => {
    const sent = phone.idOf("Sent");
    await deliver(trial, 4);
    await deliver(trial, 4, { folder: "user.alice.Sent" });
    const start = await sync([
      { syncKey: "0", collectionId: inbox },
      { syncKey: "0", collectionId: sent },
    ]);
    const asked = [inbox, sent].map((collectionId) => ({
      collectionId,
      syncKey: syncedCollection(start, collectionId)!.syncKey,
    }));
    const root = await sync(asked, { windowSize: 5 });
    assert.equal(syncedCollection(root, inbox)?.commands.length, 4);
    assert.equal(syncedCollection(root, sent)?.commands.length, 1);
    assert.equal(syncedCollection(root, sent)?.moreAvailable, true);
  },
);

scene(
  "Sync: the server's largest window holds",
  async ({ trial, phone, inbox }) => {
    await deliver(trial, 7);
    await phone.sync(inbox);
    assert.equal(await phone.sync(inbox, { windowSize: 500 }), true);
    assert.equal(phone.collection(inbox).items.size, 3);
  },
  { settings: { maxWindowSize: 3 } },
);

scene("Sync: an empty or partial request goes on from the last", async ({ trial, phone, inbox, sync }) => {
  assert.equal((await phone.call("Sync", undefined))?.textOf(t("AirSync:Status")), "13");
  await phone.syncAll(inbox);
  const sent = phone.idOf("Sent");
  await phone.syncAll(sent);
  const both = [inbox, sent].map((collectionId) => ({
    collectionId,
    syncKey: phone.collection(collectionId).key,
  }));
  assert.equal(await sync(both), undefined);
  assert.equal(await phone.call("Sync", undefined), undefined);
  await deliver(trial, 1);
  assert.equal(syncedCollection(await phone.call("Sync", undefined), inbox)?.commands.length, 1);
  await deliver(trial, 1, { folder: "user.alice.Sent" });
  const root = await sync([both[0]!], { partial: true });
  assert.equal(syncedCollection(root, sent)?.commands.length, 1);
});

scene(
  "Sync: a mailbox with another UIDVALIDITY is synced from the start",
  async ({ trial, phone, inbox }) => {
    await deliver(trial, 2);
    await phone.syncAll(inbox);
    const { id } = trial.store.mailboxes.get("user.alice");
    await trial.store.apply({ mailbox: id, header: { uidValidity: 1_999_999_999 }, records: [] });
    assert.equal(await phone.sync(inbox), true);
    assert.equal(phone.collection(inbox).key, "0");
    await phone.syncAll(inbox);
    assert.equal(phone.collection(inbox).items.size, 2);
  },
);

scene("Sync: two gateways that get one request give one answer", async ({ trial, phone, inbox }) => {
  await deliver(trial, 5);
  await phone.sync(inbox);
  const asked = { syncKey: phone.collection(inbox).key, collectionId: inbox, windowSize: 3 };
  const answers = await Promise.all(
    [trial.gateway(), trial.gateway()].map(async (gateway) =>
      syncedCollection(await gateway.call("Sync", (writer) => writeSync(writer, [asked], {})), inbox),
    ),
  );
  assert.equal(answers[0]?.syncKey, answers[1]?.syncKey);
  assert.deepEqual(ids(answers[0]!.commands), ids(answers[1]!.commands));
});

scene(
  "Sync: before 14.0 each collection is answered with its class",
  async ({ trial, phone, inbox, sync }) => {
    await deliver(trial, 1);
    await phone.sync(inbox);
    const root = await sync([{ syncKey: phone.collection(inbox).key, collectionId: inbox }]);
    const collection = root?.child(t("AirSync:Collections"))?.child(t("AirSync:Collection"));
    assert.deepEqual(
      collection?.children.map(({ name }) => name),
      ["AirSync:Class", "AirSync:SyncKey", "AirSync:CollectionId", "AirSync:Status", "AirSync:Commands"],
    );
  },
  { version: 121 },
);

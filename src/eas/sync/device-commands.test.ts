import assert from "node:assert/strict";
import { deliver, flag } from "../../../test/support/eas-mailbox.ts";
import { names, scene } from "../../../test/support/eas-scene.ts";
import { SystemFlag } from "../../store/model.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { type SyncCollection, syncedCollection } from "../client-commands.ts";

const t = tagOf;

scene("Sync: what the phone changes is done and not sent back", async ({ trial, phone, inbox }) => {
  await deliver(trial, 3);
  await phone.syncAll(inbox);
  phone.act(inbox, { kind: "read", id: `${inbox}:2`, on: true });
  phone.act(inbox, { kind: "delete", id: `${inbox}:3` });
  await phone.sync(inbox);
  const view = await trial.store.open(trial.store.mailboxes.get("user.alice").id);
  assert.equal(view.systemFlags[view.indexOf(2)]! & SystemFlag.seen, SystemFlag.seen);
  assert.equal(view.indexOf(3), -1);
  view.release();
  assert.equal(trial.store.mailboxes.get("user.alice.Trash").exists, 1);
  assert.equal(await phone.sync(inbox), false);
});

scene(
  "Sync: without DeletesAsMoves, and from the trash, mail is gone",
  async ({ trial, phone, inbox, sync }) => {
    await deliver(trial, 1);
    await phone.syncAll(inbox);
    const commands: SyncCollection["commands"] = (writer) => {
      writer.start(t("AirSync:Delete")).text(t("AirSync:ServerId"), `${inbox}:1`).end();
    };
    const syncKey = phone.collection(inbox).key;
    await sync([{ syncKey, collectionId: inbox, deletesAsMoves: false, commands }]);
    assert.equal(trial.store.mailboxes.get("user.alice").exists, 0);
    assert.equal(trial.store.mailboxes.get("user.alice.Trash").exists, 0);
  },
);

scene(
  "Sync: deletes of a foreign, malformed or zero ServerId are passed over",
  async ({ phone, inbox, sync }) => {
    await phone.syncAll(inbox);
    const { key } = phone.collection(inbox);
    const answer = syncedCollection(
      await sync([
        {
          syncKey: key,
          collectionId: inbox,
          commands(writer) {
            for (const id of ["77:1", `${inbox}:0`, "nonsense", `${inbox}:99`]) {
              writer.start(t("AirSync:Delete")).text(t("AirSync:ServerId"), id).end();
            }
          },
        },
      ]),
      inbox,
    );
    assert.equal(answer?.status, 1);
    assert.notEqual(answer.syncKey, key);
    assert.deepEqual(answer.responses, []);
  },
);

scene("Sync: Add and Change without ApplicationData are a protocol error", async ({ phone, inbox, sync }) => {
  await phone.syncAll(inbox);
  const syncKey = phone.collection(inbox).key;
  for (const name of ["Add", "Change"]) {
    const root = await sync([
      {
        syncKey,
        collectionId: inbox,
        commands: (writer) =>
          void writer
            .start(t(`AirSync:${name}`))
            .text(t("AirSync:ClientId"), "1")
            .text(t("AirSync:ServerId"), `${inbox}:1`)
            .end(),
      },
    ]);
    assert.equal(root?.textOf(t("AirSync:Status")), "4");
  }
});

scene(
  "Sync: on a conflict the server wins unless the device says so",
  async ({ trial, phone, inbox, sync }) => {
    const uids = await deliver(trial, 2);
    await phone.syncAll(inbox);
    await flag(trial, uids, SystemFlag.answered);
    const change =
      (uid: number): NonNullable<SyncCollection["commands"]> =>
      (writer) => {
        writer.start(t("AirSync:Change")).text(t("AirSync:ServerId"), `${inbox}:${uid}`);
        writer.start(t("AirSync:ApplicationData")).start(t("Email:Flag"));
        writer.text(t("Email:Status"), 2).text(t("Email:FlagType"), "Flag").end().end().end();
      };
    const ask = async (syncKey: string, uid: number, conflict: number) =>
      syncedCollection(
        await sync([{ syncKey, collectionId: inbox, conflict, getChanges: false, commands: change(uid) }]),
        inbox,
      )!;
    const server = await ask(phone.collection(inbox).key, 1, 1);
    assert.equal(server.responses[0]?.textOf(t("AirSync:Status")), "7");
    const device = await ask(server.syncKey, 2, 0);
    assert.deepEqual(device.responses, []);
    const view = await trial.store.open(trial.store.mailboxes.get("user.alice").id);
    const isFlagged = (uid: number): boolean =>
      (view.systemFlags[view.indexOf(uid)]! & SystemFlag.flagged) !== 0;
    assert.deepEqual([isFlagged(1), isFlagged(2)], [false, true]);
    view.release();
    const told = syncedCollection(await sync([{ syncKey: device.syncKey, collectionId: inbox }]), inbox)!;
    assert.deepEqual(names(told.commands), ["AirSync:Change", "AirSync:Change"]);
  },
);

scene("Sync: Fetch answers with the item, or that it is gone", async ({ trial, phone, inbox, sync }) => {
  await deliver(trial, 1);
  await phone.syncAll(inbox);
  const answer = syncedCollection(
    await sync([
      {
        syncKey: phone.collection(inbox).key,
        collectionId: inbox,
        commands(writer) {
          for (const uid of [1, 9]) {
            writer.start(t("AirSync:Fetch")).text(t("AirSync:ServerId"), `${inbox}:${uid}`).end();
          }
        },
      },
    ]),
    inbox,
  )!;
  assert.equal(answer.syncKey, phone.collection(inbox).key);
  assert.deepEqual(
    answer.responses.map((response) => response.textOf(t("AirSync:Status"))),
    ["1", "8"],
  );
  const data = answer.responses[0]?.child(t("AirSync:ApplicationData"));
  assert.equal(data?.textOf(t("Email:Subject")), "mail 0");
});

scene("Sync: a draft that the phone adds twice is there once", async ({ trial, phone, sync }) => {
  const drafts = phone.idOf("Drafts");
  await phone.syncAll(drafts);
  const add: SyncCollection = {
    syncKey: phone.collection(drafts).key,
    collectionId: drafts,
    commands(writer) {
      writer.start(t("AirSync:Add")).text(t("AirSync:ClientId"), "draft-1");
      writer.start(t("AirSync:ApplicationData")).text(t("Email:Subject"), "To do").end().end();
    },
  };
  const first = syncedCollection(await sync([add]), drafts)!;
  const again = syncedCollection(await sync([add]), drafts)!;
  for (const { responses } of [first, again]) {
    assert.equal(responses[0]?.textOf(t("AirSync:Status")), "1");
    assert.equal(responses[0]?.textOf(t("AirSync:ServerId")), `${drafts}:1`);
  }
  assert.equal(again.syncKey, first.syncKey);
  assert.equal(trial.store.mailboxes.get("user.alice.Drafts").exists, 1);
  assert.equal(await sync([{ syncKey: first.syncKey, collectionId: drafts }]), undefined);
});

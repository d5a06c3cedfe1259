import assert from "node:assert/strict";
import { test } from "node:test";
import { deliver, expunge, flag } from "../../../test/support/eas-mailbox.ts";
import { Phone } from "../../../test/support/eas-phone.ts";
import { EasTrial, type EasTrialOptions } from "../../../test/support/eas-trial.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { SystemFlag } from "../../store/model.ts";
import { syncedCollection, type SyncCollection, type SyncExtras, writeSync } from "../client-commands.ts";
import type { Element } from "../element.ts";
import type { ProtocolVersion } from "../version.ts";

const t = tagOf;

interface Scene {
  readonly trial: EasTrial;
  readonly phone: Phone;
  /** CollectionId of INBOX. */
  readonly inbox: string;
  readonly sync: (
    collections: readonly SyncCollection[],
    extras?: SyncExtras,
  ) => Promise<Element | undefined>;
}

function scene(
  name: string,
  work: (scene: Scene) => Promise<void>,
  options: EasTrialOptions & { readonly version?: ProtocolVersion } = {},
): void {
  test(name, async () => {
    const trial = await EasTrial.open(options);
    try {
      const phone = new Phone(trial.gateway(), options.version);
      await phone.folderSync();
      await work({
        trial,
        phone,
        inbox: phone.idOf("Inbox"),
        sync: (collections, extras = {}) =>
          phone.call("Sync", (writer) => writeSync(writer, collections, extras)),
      });
    } finally {
      await trial.close();
    }
  });
}

const names = (elements: readonly Element[]): string[] => elements.map(({ name }) => name);
const ids = (elements: readonly Element[]): (string | undefined)[] =>
  elements.map((element) => element.textOf(t("AirSync:ServerId")));

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

scene("Sync: Wait and HeartbeatInterval out of range get the limit", async ({ phone, inbox, sync }) => {
  await phone.syncAll(inbox);
  const asked = [{ syncKey: phone.collection(inbox).key, collectionId: inbox }];
  const limit = async (extras: SyncExtras): Promise<(string | undefined)[]> => {
    const root = await sync(asked, extras);
    return [root?.textOf(t("AirSync:Status")), root?.textOf(t("AirSync:Limit"))];
  };
  assert.deepEqual(await limit({ wait: 60 }), ["14", "59"]);
  assert.deepEqual(await limit({ heartbeatSeconds: 10 }), ["14", "60"]);
  assert.deepEqual(await limit({ heartbeatSeconds: 4000 }), ["14", "3540"]);
  assert.deepEqual(await limit({ heartbeatSeconds: 100, wait: 2 }), ["4", undefined]);
});

scene("Sync: a held request is woken by mail, and ends in time", async ({ trial, phone, inbox, sync }) => {
  await phone.syncAll(inbox);
  const asked = [{ syncKey: phone.collection(inbox).key, collectionId: inbox }];
  let held = trial.nextHeld();
  const woken = sync(asked, { heartbeatSeconds: 300 });
  await held;
  await deliver(trial, 1);
  const answer = syncedCollection(await woken, inbox);
  assert.equal(answer?.commands.length, 1);
  held = trial.nextHeld();
  const quiet = sync([{ ...asked[0]!, syncKey: answer.syncKey }], { wait: 5 });
  await held;
  trial.clock.advance(300_000);
  assert.equal(await quiet, undefined);
});

scene("Sync: a held request hears of new folders", async ({ trial, phone, inbox, sync }) => {
  await phone.syncAll(inbox);
  const held = trial.nextHeld();
  const waiting = sync([{ syncKey: phone.collection(inbox).key, collectionId: inbox }], { wait: 5 });
  await held;
  await trial.store.create("user.alice.New", {});
  assert.equal((await waiting)?.textOf(t("AirSync:Status")), "12");
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

scene(
  "Sync: an item that cannot be shown is left out, and the user hears of it once",
  async ({ trial, phone, inbox }) => {
    await deliver(trial, 1, { text: "bad" });
    await deliver(trial, 3);
    await phone.syncAll(inbox, 2);
    const { items } = phone.collection(inbox);
    const subjects = [...items.values()].map(({ subject }) => subject);
    assert.equal(items.size, 4);
    assert.ok(subjects.includes("A message cannot be shown on your mobile devices"));
    const second = new Phone(trial.gateway(), 161, "PHONE2");
    await second.folderSync();
    await second.syncAll(inbox);
    assert.equal(second.collection(inbox).items.size, 4);
    const listed = await trial.states.list("alice", "PHONE1", "quarantine");
    assert.deepEqual(
      listed.map(({ key, value }) => [key, value.toString()]),
      [[`${inbox}:1`, "it is bad"]],
    );
    assert.equal(trial.events.filter(({ event }) => event === "item left out").length, 2);
  },
  {
    wrapClass: (email) => ({
      ...email,
      name: email.name,
      readOptions: (options, version) => email.readOptions(options, version),
      writeChange: (writer, state, context) => email.writeChange(writer, state, context),
      change: (collection, uid, data, context) => email.change(collection, uid, data, context),
      add: (collection, data, context) => email.add(collection, data, context),
      async prepare(item, context) {
        const text = (await item.read(0, item.sizeBytes)).toString();
        if (text.includes("bad 0")) throw new Error("it is bad");
        return email.prepare(item, context);
      },
    }),
  },
);

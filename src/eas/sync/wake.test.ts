import assert from "node:assert/strict";
import { deliver } from "../../../test/support/eas-mailbox.ts";
import { scene } from "../../../test/support/eas-scene.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { type SyncExtras, syncedCollection } from "../client-commands.ts";

const t = tagOf;

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

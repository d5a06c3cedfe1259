import assert from "node:assert/strict";
import { test } from "node:test";
import { deliver } from "../../../test/support/eas-mailbox.ts";
import { Phone } from "../../../test/support/eas-phone.ts";
import { EasTrial } from "../../../test/support/eas-trial.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";

const t = tagOf;

function scene(name: string, work: (trial: EasTrial, phone: Phone) => Promise<void>): void {
  test(name, async () => {
    const trial = await EasTrial.open();
    try {
      const phone = new Phone(trial.gateway());
      await phone.folderSync();
      await work(trial, phone);
    } finally {
      await trial.close();
    }
  });
}

type Command = "FolderCreate" | "FolderUpdate" | "FolderDelete";
interface Asked {
  readonly key?: string;
  readonly id?: string;
  readonly parent?: string;
  readonly name?: string;
  readonly type?: number;
}

/** Status, id and key of the answer; the phone takes the key when it went well. */
async function change(phone: Phone, command: Command, asked: Asked): Promise<[number, string]> {
  const root = await phone.call(command, (writer) => {
    writer.start(t(`FolderHierarchy:${command}`));
    writer.text(t("FolderHierarchy:SyncKey"), asked.key ?? phone.folderKey);
    if (asked.id !== undefined) writer.text(t("FolderHierarchy:ServerId"), asked.id);
    if (asked.parent !== undefined) writer.text(t("FolderHierarchy:ParentId"), asked.parent);
    if (asked.name !== undefined) writer.text(t("FolderHierarchy:DisplayName"), asked.name);
    if (asked.type !== undefined) writer.text(t("FolderHierarchy:Type"), asked.type);
    writer.end();
  });
  const status = root?.numberOf(t("FolderHierarchy:Status")) ?? 0;
  if (status === 1) phone.folderKey = root?.textOf(t("FolderHierarchy:SyncKey")) ?? "";
  return [status, root?.textOf(t("FolderHierarchy:ServerId")) ?? ""];
}

scene("FolderSync: the special folders have their types, names are Unicode", async (trial, phone) => {
  await trial.store.create("user.alice.Gr&APwA3w-e", {});
  await phone.folderSync();
  const types = new Map([...phone.folders.values()].map(({ name, type }) => [name, type]));
  assert.deepEqual(Object.fromEntries(types), { Inbox: 2, Drafts: 3, Sent: 5, Trash: 4, Grüße: 12 });
});

scene("FolderSync: without changes the key stays; a lost answer is given again", async (trial, phone) => {
  const key = phone.folderKey;
  await phone.folderSync();
  assert.equal(phone.folderKey, key);
  await trial.store.create("user.alice.A", {});
  await trial.store.create("user.alice.A.B", {});
  await phone.folderSync(true);
  await phone.folderSync();
  assert.equal(phone.folders.get(phone.idOf("B"))?.parentId, phone.idOf("A"));
  phone.folderKey = "nonsense";
  assert.equal(await phone.folderSync(), 9);
});

scene("FolderSync: a renamed folder keeps its id, one made anew gets another", async (trial, phone) => {
  const made = await trial.store.create("user.alice.A", {});
  await phone.folderSync();
  const id = phone.idOf("A");
  await trial.store.rename(made.id, "user.alice.Sent.Z", { withChildren: true });
  await phone.folderSync();
  assert.equal(phone.idOf("Z"), id);
  assert.equal(phone.folders.get(id)?.parentId, phone.idOf("Sent"));
  await trial.store.delete(made.id);
  await phone.folderSync();
  await trial.store.create("user.alice.A", {});
  await phone.folderSync();
  assert.notEqual(phone.idOf("A"), id);
});

scene("FolderSync: shared folders that are subscribed and readable appear", async (trial, phone) => {
  const shared = await trial.store.create("user.bob.Team", {});
  await trial.store.setAcl(shared.id, [
    { identifier: "alice", rights: "lrs" },
    { identifier: "bob", rights: "lrswipkxtea" },
  ]);
  await phone.folderSync();
  assert.equal(phone.folders.size, 4);
  await trial.store.subscriptions.set("alice", "user.bob.Team", true);
  await phone.folderSync();
  const id = phone.idOf("Other Users/bob/Team");
  await deliver(trial, 1, { folder: "user.bob.Team" });
  await phone.syncAll(id);
  phone.act(id, { kind: "read", id: `${id}:1`, on: true });
  await phone.syncAll(id);
  const view = await trial.store.open(shared.id);
  assert.deepEqual([view.isSeenBy("alice", 0), view.isSeenBy("bob", 0)], [true, false]);
  view.release();
  // No right to delete: the mail comes back to the phone.
  phone.act(id, { kind: "delete", id: `${id}:1` });
  await phone.syncAll(id);
  assert.equal(phone.collection(id).items.size, 1);
  await trial.store.setAcl(shared.id, [{ identifier: "bob", rights: "lrswipkxtea" }]);
  await phone.folderSync();
  assert.equal(phone.folders.size, 4);
});

scene("FolderCreate, FolderUpdate, FolderDelete: done, and done once", async (trial, phone) => {
  const key = phone.folderKey;
  const asked: Asked = { parent: "0", name: "Projects", type: 12 };
  const [status, id] = await change(phone, "FolderCreate", asked);
  assert.equal(status, 1);
  assert.deepEqual(await change(phone, "FolderCreate", { ...asked, key }), [1, id]);
  assert.ok(trial.store.mailboxes.find("user.alice.Projects") !== undefined);
  await phone.folderSync();
  const sent = phone.idOf("Sent");
  assert.deepEqual(await change(phone, "FolderUpdate", { id, parent: sent, name: "Älter" }), [1, ""]);
  assert.ok(trial.store.mailboxes.find("user.alice.Sent.&AMQ-lter") !== undefined);
  await trial.store.create("user.alice.Sent.&AMQ-lter.Below", {});
  assert.deepEqual(await change(phone, "FolderDelete", { id }), [1, ""]);
  assert.equal(trial.store.mailboxes.find("user.alice.Sent.&AMQ-lter.Below"), undefined);
  assert.equal(await phone.folderSync(), 1);
});

scene("FolderCreate: a folder of others made meanwhile is still told", async (trial, phone) => {
  await trial.store.create("user.alice.Other", {});
  await change(phone, "FolderCreate", { parent: "0", name: "Mine", type: 12 });
  await phone.folderSync();
  assert.ok(phone.idOf("Other") !== "");
});

scene("FolderCreate, FolderUpdate, FolderDelete: statuses", async (_trial, phone) => {
  const inbox = phone.idOf("Inbox");
  const status = async (command: Command, asked: Asked): Promise<number> =>
    (await change(phone, command, asked))[0];
  assert.equal(await status("FolderCreate", { parent: "0", name: "Sent", type: 12 }), 2);
  assert.equal(await status("FolderCreate", { parent: "99", name: "X", type: 12 }), 5);
  assert.equal(await status("FolderCreate", { parent: "0", name: "X", type: 2 }), 3);
  assert.equal(await status("FolderCreate", { parent: "0", name: "a/b", type: 12 }), 10);
  assert.equal(await status("FolderCreate", { key: "7-abc", parent: "0", name: "X", type: 12 }), 9);
  assert.equal(await status("FolderCreate", { name: "X" }), 10);
  assert.equal(await status("FolderUpdate", { id: inbox, parent: "0", name: "X" }), 2);
  assert.equal(await status("FolderUpdate", { id: "99", parent: "0", name: "X" }), 4);
  assert.equal(await status("FolderDelete", { id: inbox }), 3);
  assert.equal(await status("FolderDelete", { id: "99" }), 4);
});

scene("FolderSync: a level that is no mailbox is a folder without mail", async (trial, phone) => {
  await trial.store.create("user.alice.P.Q", {});
  await phone.folderSync();
  const id = phone.idOf("Q");
  assert.equal(phone.folders.get(id)?.parentId, phone.idOf("P"));
  await deliver(trial, 1, { folder: "user.alice.P.Q" });
  for (const name of ["P", "Q"]) await phone.syncAll(phone.idOf(name));
  assert.equal(phone.collection(phone.idOf("P")).items.size, 0);
  assert.equal(phone.collection(id).items.size, 1);
});

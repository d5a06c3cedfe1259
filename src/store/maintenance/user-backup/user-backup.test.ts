import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BY, type FilledStore, withFilledStore } from "../../../../test/support/filled-store.ts";
import type { Uid } from "../../../base/numbers.ts";
import type { Mailbox, MessageRecord } from "../../model.ts";
import type { Store } from "../../port.ts";
import { exportUser } from "./export-user.ts";
import { importUser } from "./import-user.ts";

async function furnish(filled: FilledStore): Promise<void> {
  const { store } = filled;
  await store.quotas.set("user.alice", { storageLimitBytes: 5_000_000 });
  await filled.fill(20);
  const sent = await store.create("user.alice.Sent", { specialUse: ["sent"] });
  await store.setAcl(sent.id, [
    { identifier: "alice", rights: "lrswipkxtecdan" },
    { identifier: "bob", rights: "lr" },
  ]);
  const uids = (...numbers: number[]) => numbers as unknown as Uid[];
  await store.storeFlags(filled.inbox, uids(2, 3), { mode: "add", systemFlags: 33, keywords: ["Work"] }, BY);
  await store.copy(filled.inbox, uids(1, 2, 3), sent.id, { move: false }, BY);
  await store.expunge(filled.inbox, uids(5, 6), { onlyDeleted: false }, BY);
  const note = { entry: "/comment", userId: "alice", value: Buffer.from([0, 255, 10]) };
  await store.annotateMessages(filled.inbox, uids(7), [note], BY);
  await store.annotations.set("user.alice.Sent", [
    { entry: "/comment", userId: "", value: Buffer.from("sent") },
  ]);
  await store.subscriptions.set("alice", "user.alice.Sent", true);
  await store.subscriptions.set("alice", "shared.news", true);
  await store.seen.set({
    userId: "alice",
    uniqueId: "abc",
    lastRead: 1,
    lastUid: 2,
    lastChange: 3,
    seenUids: "1:2",
  });
  const seen = { userId: "bob", lastRead: 4, lastUid: 3, lastChange: 5, seenUids: "1,3" };
  await store.seen.set({ ...seen, uniqueId: sent.uniqueId });
}

async function contents(store: Store, user: string) {
  const mailboxes: { mailbox: Partial<Mailbox>; records: MessageRecord[]; bodies: string[] }[] = [];
  for (const mailbox of store.mailboxes.ofUser(user)) {
    const { id, partition, quotaRoot, createdAt, ...rest } = mailbox as Mailbox & { commit?: number };
    delete rest.commit;
    const records = [...store.readRecords(id, { includeExpunged: true })].flat();
    const bodies: string[] = [];
    const live = records.filter((record) => (record.systemFlags & 16) === 0).map((record) => record.uid);
    for await (const { bytes } of store.readBodies(id, live)) bodies.push(bytes.toString("latin1"));
    assert.ok(id > 0 && partition !== "" && createdAt > 0);
    mailboxes.push({
      mailbox: { ...rest, ...(quotaRoot === undefined ? {} : { quotaRoot }) },
      records,
      bodies,
    });
  }
  const quota = store.quotas.get(`user.${user}`);
  return {
    mailboxes,
    quota: { limit: quota?.storageLimitBytes, used: quota?.storageUsedBytes, messages: quota?.messagesUsed },
    subscriptions: [...store.subscriptions.list(user)],
    seen: [...store.seen.ofUser(user)],
    seenByBob: [...store.seen.ofUser("bob")],
    annotations: [...store.annotations.all(`user.${user}.Sent`)].map(({ entry, value }) => [
      entry,
      value.toString(),
    ]),
  };
}

test("export and import: the same user in another store, to the last number", () =>
  withFilledStore((filled) =>
    withFilledStore(async (other) => {
      await furnish(filled);
      const file = join(other.folder, "alice.rookery");
      const report = await exportUser(filled.store, "alice", file, 0);
      assert.deepEqual([report.mailboxes, report.messages, report.bodies], [2, 21, 18]);
      await assert.rejects(importUser(other.store, file, { isReplacing: false }), { code: "mailbox_exists" });
      const done = await importUser(other.store, file, { isReplacing: true });
      assert.deepEqual(done, { user: "alice", mailboxes: 2, messages: 21, newUniqueIds: [] });
      assert.deepEqual(await contents(other.store, "alice"), await contents(filled.store, "alice"));
      const found: string[] = [];
      await other.store.maintenance.check({}, (event) => {
        if (event.kind === "finding") found.push(event.finding.text);
      });
      assert.deepEqual(found, []);
    }),
  ));

test("import under another name in the same store: own rights follow, unique ids are new", () =>
  withFilledStore(async (filled) => {
    await furnish(filled);
    const file = join(filled.folder, "alice.rookery");
    await exportUser(filled.store, "alice", file, 0);
    const done = await importUser(filled.store, file, { isReplacing: false, asUser: "carol" });
    assert.deepEqual(done.newUniqueIds, ["user.carol", "user.carol.Sent"]);
    const sent = filled.store.mailboxes.get("user.carol.Sent");
    assert.deepEqual(
      sent.acl.map((entry) => entry.identifier),
      ["carol", "bob"],
    );
    assert.equal(sent.exists, 3);
    assert.ok(filled.store.subscriptions.has("carol", "user.carol.Sent"));
    assert.equal(filled.store.seen.get("bob", sent.uniqueId)?.seenUids, "1,3");
    assert.deepEqual(await filled.wrongBodies(), []);
  }));

test("a file that is cut off or damaged is refused before anything is changed", () =>
  withFilledStore(async (filled) => {
    await furnish(filled);
    const file = join(filled.folder, "alice.rookery");
    await exportUser(filled.store, "alice", file, 0);
    const bytes = readFileSync(file);
    for (const damaged of [bytes.subarray(0, bytes.length - 3), bytes.subarray(0, 5000), flip(bytes, 3000)]) {
      rmSync(file);
      writeFileSync(file, damaged);
      await assert.rejects(importUser(filled.store, file, { isReplacing: true }), { code: "conflict" });
      assert.equal(filled.store.mailboxes.get("user.alice").exists, 18);
    }
  }));

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = copy[at]! ^ 1;
  return copy;
}

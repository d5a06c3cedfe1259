import assert from "node:assert/strict";
import { test } from "node:test";
import { openSyncPair, type SyncPair } from "../../../test/support/sync-pair.ts";
import { toUid } from "../../base/numbers.ts";
import { SystemFlag, type Mailbox } from "../../store/model.ts";
import type { FlagChange, Store } from "../../store/port.ts";

const ALICE = { userId: "alice", sessionId: 0 };
const INBOX = "user.alice";

async function append(store: Store, name: string, text: string, keywords: string[] = []): Promise<void> {
  const body = store.stageBuffer(Buffer.from(`Subject: ${text}\r\n\r\n${text}\r\n`));
  await store.append(store.mailboxes.get(name).id, [{ body, systemFlags: 0, keywords }], ALICE);
  body.release();
}

function setFlags(store: Store, uid: number, change: Partial<FlagChange>): Promise<unknown> {
  const all: FlagChange = { mode: "add", systemFlags: 0, keywords: [], ...change };
  return store.storeFlags(store.mailboxes.get(INBOX).id, [toUid(uid)], all, ALICE);
}

function expunge(store: Store, uid: number): Promise<unknown> {
  return store.expunge(store.mailboxes.get(INBOX).id, [toUid(uid)], { onlyDeleted: false }, ALICE);
}

function inbox(store: Store): Mailbox {
  return store.mailboxes.get(INBOX);
}

function subjects(store: Store): string[] {
  const list: string[] = [];
  for (const group of store.readRecords(inbox(store).id)) {
    for (const { uid, guid } of group) list.push(`${uid} ${guid.slice(0, 4)}`);
  }
  return list;
}

async function withMail(pair: SyncPair): Promise<void> {
  await pair.here.create(INBOX, {});
  for (const text of ["one", "two", "three"]) await append(pair.here, INBOX, text, ["$Label1"]);
  await pair.sync("alice");
}

test("a user, then each kind of change, over a compressed connection too", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there, sync, steps } = pair;
  await withMail(pair);
  assert.match(steps.join("\n"), /CREATE user\.alice .*\nSELECT user\.alice\nUPLOAD \[3 msgs\]/s);
  await sync("alice");
  assert.deepEqual(steps, ["USER alice", "ENDUSER"]);

  await setFlags(here, 1, { systemFlags: SystemFlag.seen, keywords: ["kw"] });
  await sync("alice");
  assert.ok(steps.includes("SETFLAGS [1 msgs]"), steps.join("\n"));

  const sent = await here.create("user.alice.Sent", { specialUse: ["sent"] });
  await here.copy(inbox(here).id, [toUid(1), toUid(2)], sent.id, { move: false }, ALICE);
  await sync("alice", { compress: true });
  assert.ok(!steps.some((step) => step.startsWith("UPLOAD")), steps.join("\n"));

  await expunge(here, 2);
  await here.annotations.set("user.alice.Sent", [
    { entry: "/comment", userId: "alice", value: Buffer.from("mine") },
  ]);
  await here.annotateMessages(
    inbox(here).id,
    [toUid(1)],
    [{ entry: "/comment", userId: "alice", value: Buffer.from("note") }],
    ALICE,
  );
  await here.subscriptions.set("alice", INBOX, true);
  await here.quotas.set(INBOX, { storageLimitBytes: 1_024_000, messageLimit: 100 });
  await sync("alice");
  assert.ok(steps.includes("EXPUNGE [1 msgs]"), steps.join("\n"));
  assert.equal(there.quotas.get(INBOX)?.messageLimit, 100);

  await here.create("user.alice.A", {});
  await here.create("user.alice.B.C", {});
  await append(here, "user.alice.A", "in a");
  await sync("alice");
  await here.rename(here.mailboxes.get("user.alice.A").id, "user.alice.X", { withChildren: true });
  await here.rename(here.mailboxes.get("user.alice.B.C").id, "user.alice.A", { withChildren: true });
  await sync("alice");
  assert.ok(steps.includes("RENAME user.alice.A user.alice.X"), steps.join("\n"));

  await here.delete(here.mailboxes.get("user.alice.X").id);
  await here.delete(here.mailboxes.get("user.alice.A").id, { immediate: true });
  await sync("alice");
  assert.equal(there.mailboxes.find("user.alice.A"), undefined);
  assert.equal(there.mailboxes.find("user.alice.X"), undefined);

  await here.deleteUser("alice");
  await sync("alice");
  assert.equal(there.mailboxes.find(INBOX), undefined);
});

test("flags changed on both sides: the later change wins, and both are equal", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there, sync } = pair;
  await withMail(pair);
  await setFlags(here, 1, { systemFlags: SystemFlag.answered });
  await setFlags(there, 1, { systemFlags: SystemFlag.flagged });
  await setFlags(there, 1, { keywords: ["RepKw"] });
  await setFlags(there, 2, { systemFlags: SystemFlag.seen });
  await sync("alice");
  const record = here.findRecord(inbox(here).id, toUid(1));
  assert.equal(record?.systemFlags, SystemFlag.flagged);
  assert.equal(here.findRecord(inbox(here).id, toUid(2))?.systemFlags, SystemFlag.seen);
});

test("expunged on either side is expunged on both; messages of the replica are fetched", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there, sync } = pair;
  await withMail(pair);
  await expunge(here, 1);
  await expunge(there, 2);
  await setFlags(there, 1, { systemFlags: SystemFlag.seen });
  await append(there, INBOX, "only there");
  await sync("alice");
  assert.equal(inbox(here).exists, 2);
  assert.deepEqual(subjects(there), subjects(here));
  assert.deepEqual(
    subjects(here).map((line) => line.split(" ")[0]),
    ["3", "4"],
  );
});

test("two messages under one UID get new UIDs on both sides, none is lost", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there, sync } = pair;
  await withMail(pair);
  await append(here, INBOX, "master");
  await append(there, INBOX, "replica");
  await append(there, INBOX, "replica two");
  await sync("alice");
  assert.deepEqual(
    subjects(here).map((line) => Number(line.split(" ")[0])),
    [1, 2, 3, 5, 6, 7],
  );
  const [sixth, seventh] = subjects(here).slice(-2);
  assert.ok(sixth!.split(" ")[1]! < seventh!.split(" ")[1]!);
});

test("another mailbox under the name is refused, and replaced by force", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there, connect, sync } = pair;
  await withMail(pair);
  await here.create("user.alice.Both", {});
  await there.create("user.alice.Both", {});
  await append(there, "user.alice.Both", "replica");
  await assert.rejects(() => sync("alice"), /IMAP_MAILBOX_MOVED|Both/);
  await sync("alice", { force: true });
  const run = await connect();
  await run.replica.link.close();
});

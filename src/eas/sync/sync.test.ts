import assert from "node:assert/strict";
import { test } from "node:test";
import { EasTrial } from "../../../test/support/eas-trial.ts";
import { Phone } from "../../../test/support/eas-phone.ts";
import type { Uid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";

const BY = { userId: "alice", sessionId: 1 };

async function deliver(trial: EasTrial, count: number, folder = "user.alice"): Promise<readonly Uid[]> {
  const { id } = trial.store.mailboxes.get(folder);
  const messages = Array.from({ length: count }, (_, at) => ({
    body: trial.store.stageBuffer(
      Buffer.from(`From: b@example.test\r\nSubject: mail ${at}\r\n\r\nHello ${at} of ${count}\r\n`),
    ),
    systemFlags: 0,
    keywords: [],
    internalDate: Math.floor(trial.clock.nowMs() / 1000),
  }));
  return (await trial.store.append(id, messages, BY)).uids;
}

async function withTrial(work: (trial: EasTrial, phone: Phone) => Promise<void>): Promise<void> {
  const trial = await EasTrial.open();
  try {
    const phone = new Phone(trial.gateway());
    await phone.folderSync();
    await work(trial, phone);
  } finally {
    await trial.close();
  }
}

test("Sync: a phone gets the mail of a folder, newest first, in windows", () =>
  withTrial(async (trial, phone) => {
    await deliver(trial, 25);
    const inbox = phone.idOf("Inbox");
    await phone.sync(inbox);
    assert.equal(await phone.sync(inbox, { windowSize: 10 }), true);
    const [first] = phone.collection(inbox).items.keys();
    assert.equal(first, `${inbox}:25`);
    assert.equal(phone.collection(inbox).items.size, 10);
    await phone.syncAll(inbox, 10);
    assert.equal(phone.collection(inbox).items.size, 25);
    assert.equal(phone.collection(inbox).items.get(`${inbox}:1`)?.subject, "mail 0");
  }));

test("Sync: a lost answer is given again, and nothing twice", () =>
  withTrial(async (trial, phone) => {
    const uids = await deliver(trial, 5);
    const inbox = phone.idOf("Inbox");
    await phone.sync(inbox);
    await phone.sync(inbox, { lose: true });
    const { id } = trial.store.mailboxes.get("user.alice");
    await trial.store.expunge(id, [uids[0]!], { onlyDeleted: false }, BY);
    await phone.sync(inbox);
    assert.equal(phone.collection(inbox).items.size, 4);
    await phone.syncAll(inbox);
    assert.equal(phone.collection(inbox).items.size, 4);
  }));

test("Sync: without news the answer is empty and nothing is written", () =>
  withTrial(async (trial, phone) => {
    await deliver(trial, 3);
    const inbox = phone.idOf("Inbox");
    await phone.syncAll(inbox);
    const address = { userId: "alice", deviceId: "PHONE1", kind: "collection", key: inbox } as const;
    const before = await trial.states.get(address);
    const { key } = phone.collection(inbox);
    assert.equal(await phone.sync(inbox), false);
    assert.equal(phone.collection(inbox).key, key);
    assert.equal((await trial.states.get(address))?.version, before?.version);
  }));

test("Sync: what the phone changes is done and not sent back", () =>
  withTrial(async (trial, phone) => {
    await deliver(trial, 3);
    const inbox = phone.idOf("Inbox");
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
  }));

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { openSyncPair, type SyncPair } from "../../test/support/sync-pair.ts";
import { toUid } from "../base/numbers.ts";
import { SystemFlag } from "../store/model.ts";
import type { Store } from "../store/port.ts";
import { updateUser } from "./client/update-user.ts";
import { RECORDS_A_TURN } from "./turn.ts";

const ALICE = { userId: "alice", sessionId: 0 };
/** More than are collected before they are sent. */
const COUNT = 12_000;
/** A slice, and what is read ahead of the next. */
const MAX_STRETCH = 2 * RECORDS_A_TURN;

/** The most records of a store that were read, or looked for, before others came to their turn. */
class Stretches {
  longest = 0;
  #now = 0;
  #isOver = false;

  constructor(t: TestContext, store: Store) {
    t.after(() => {
      this.#isOver = true;
    });
    const read = store.readRecords.bind(store);
    store.readRecords = (...words) => this.#counted(read(...words));
    const finder = store.recordFinder.bind(store);
    store.recordFinder = (id) => {
      const find = finder(id);
      return (uid) => {
        this.#count(1);
        return find(uid);
      };
    };
    const begin = (): void => {
      this.#now = 0;
      if (!this.#isOver) setImmediate(begin);
    };
    begin();
  }

  #count(records: number): void {
    this.#now += records;
    this.longest = Math.max(this.longest, this.#now);
  }

  *#counted<Group extends readonly unknown[]>(groups: Iterable<Group>): Generator<Group> {
    for (const group of groups) {
      this.#count(group.length);
      yield group;
    }
  }
}

async function fill(store: Store): Promise<void> {
  const { id } = await store.create("user.alice", {});
  for (let at = 0; at < COUNT; at += 1000) {
    const messages = Array.from({ length: 1000 }, (_, index) => ({
      body: store.stageBuffer(Buffer.from(`Subject: ${at + index}\r\n\r\nx\r\n`)),
      systemFlags: 0,
      keywords: [],
    }));
    await store.append(id, messages, ALICE);
    for (const { body } of messages) body.release();
  }
}

async function flag(store: Store, systemFlags: number, count: number): Promise<void> {
  const uids = Array.from({ length: count }, (_, index) => toUid(index + 1));
  const { id } = store.mailboxes.get("user.alice");
  await store.storeFlags(id, uids, { mode: "add", systemFlags, keywords: [] }, ALICE);
}

async function sync({ connect, here, there }: SyncPair): Promise<void> {
  const run = await connect();
  assert.deepEqual(await updateUser(run, "alice"), []);
  await run.replica.link.close();
  assert.equal(there.mailboxes.get("user.alice").syncCrc, here.mailboxes.get("user.alice").syncCrc);
}

test("a large mailbox is sent, applied and compared in slices", { timeout: 120_000 }, async (t) => {
  const pair = await openSyncPair(t);
  const { here, there } = pair;
  await fill(here);
  await sync(pair);
  await flag(here, SystemFlag.flagged, COUNT);
  const [ofMaster, ofReplica] = [new Stretches(t, here), new Stretches(t, there)];
  await sync(pair);
  assert.ok(ofMaster.longest <= MAX_STRETCH, `${ofMaster.longest} records are sent at a stretch`);
  assert.ok(ofReplica.longest <= MAX_STRETCH, `${ofReplica.longest} records are applied at a stretch`);
  await flag(here, SystemFlag.answered, COUNT);
  // One less: the same change of an even number of messages can leave the CRCs of both sides equal.
  await flag(there, SystemFlag.draft, COUNT - 1);
  await sync(pair);
  assert.ok(ofReplica.longest <= MAX_STRETCH, `${ofReplica.longest} records are told at a stretch`);
});

/** Header values of a master that does not know all that is here: what was given out stays given out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toModseq, toUid } from "../../src/base/numbers.ts";
import { SystemFlag } from "../../src/store/model.ts";
import { ALICE, StoreTrial } from "../support/store-trial.ts";

const SEEN = { mode: "add", systemFlags: SystemFlag.seen, keywords: [] } as const;

test("apply never lowers the last UID: the next message gets a new one", async (context) => {
  const trial = await StoreTrial.open(context);
  const { id } = await trial.store.create("user.alice", {});
  await trial.append(id, "one", "two", "three");
  const after = await trial.store.apply({ mailbox: id, header: { lastUid: 1 }, records: [] });
  assert.equal(after.lastUid, 3);
  assert.deepEqual(await trial.append(id, "four"), [4]);
  // Nor when the messages are gone.
  await trial.store.expunge(id, [toUid(3), toUid(4)], { onlyDeleted: false }, ALICE);
  trial.clock.advance(8 * 86_400_000);
  await trial.store.expire(Math.floor(trial.clock.nowMs() / 1000));
  await trial.store.apply({ mailbox: id, header: { lastUid: 2 }, records: [] });
  await trial.reopen();
  assert.deepEqual(await trial.append(id, "five"), [5]);
});

test("apply with a record above the last UID of its own header keeps the record's", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id } = await store.create("user.alice", {});
  await trial.append(id, "one");
  const one = store.findRecord(id, toUid(1))!;
  const record = { ...one, uid: toUid(9), body: { guid: one.guid, partition: "default" } };
  const after = await store.apply({ mailbox: id, header: { lastUid: 1 }, records: [record] });
  assert.equal(after.lastUid, 9);
  assert.deepEqual(await trial.append(id, "ten"), [10]);
});

test("apply lowers the highest modseq only as far as no record is above it", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id, createdModseq } = await store.create("user.alice", {});
  await trial.append(id, "one", "two");
  await store.storeFlags(id, [toUid(1)], SEEN, ALICE);
  const { highestModseq } = store.mailboxes.get("user.alice");
  const low = { mailbox: id, header: { highestModseq: createdModseq }, records: [] };
  assert.equal((await store.apply(low)).highestModseq, highestModseq);
  // A master that overwrites by force gives the record a lower one.
  const forced = { ...store.findRecord(id, toUid(1))!, modseq: toModseq(createdModseq) };
  const after = await store.apply({ ...low, records: [forced] });
  assert.equal(after.highestModseq, store.findRecord(id, toUid(2))!.modseq);
  assert.ok(after.highestModseq < highestModseq);
  // A record of a copy that is under way does not raise it.
  const body = { guid: forced.guid, partition: "default" };
  const early = { ...forced, uid: toUid(3), modseq: toModseq(99), body };
  const last = await store.apply({ ...low, records: [early] });
  assert.equal(last.highestModseq, after.highestModseq);
});

/** Bodies back from disk: ranges, copies, expunged and damaged ones. */
import assert from "node:assert/strict";
import { openSync, closeSync, readdirSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { toModseq, toUid, type Uid } from "../../src/base/numbers.ts";
import { ALICE, StoreTrial } from "../support/store-trial.ts";
import { syncCrcs } from "../support/sync-crc.ts";

const DAY_MS = 86_400_000;

async function three(trial: StoreTrial): Promise<{ id: number; uids: readonly Uid[] }> {
  const { id } = await trial.store.create("user.alice", {});
  return { id, uids: await trial.append(id, "one", "two", "three") };
}

test("ranges of a body are clipped to its end", async (context) => {
  const trial = await StoreTrial.open(context);
  const { id, uids } = await three(trial);
  const whole = "Subject: one\r\n\r\none\r\n";
  const cases: readonly [number, number, string][] = [
    [0, 7, "Subject"],
    [9, 3, "one"],
    [whole.length - 2, 100, "\r\n"],
    [whole.length, 1, ""],
    [1000, 5, ""],
    [0, whole.length, whole],
  ];
  for (const fresh of [true, false]) {
    if (!fresh) assert.equal((await trial.store.readBody(id, uids[0]!)).toString(), whole);
    for (const [offset, length, expected] of cases) {
      const bytes = await trial.store.readBody(id, uids[0]!, { offset, length });
      assert.equal(bytes.toString(), expected);
    }
  }
});

test("an expunged message is readable until its tombstone expires", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id, uids } = await three(trial);
  await store.expunge(id, [uids[1]!], { onlyDeleted: false }, ALICE);
  assert.match((await store.readBody(id, uids[1]!)).toString(), /two/);
  trial.clock.advance(8 * DAY_MS);
  assert.deepEqual(await store.expire(Math.floor(trial.clock.nowMs() / 1000)), { messages: 1, mailboxes: 0 });
  await trial.reopen();
  await assert.rejects(trial.store.readBody(id, uids[1]!), { code: "message_not_found" });
});

test("copies and moves to another partition have bodies and summaries of their own", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id, uids } = await three(trial);
  const far = await store.create("user.alice.far", { partition: "second" });
  const { targetUids } = await store.copy(id, uids, far.id, { move: true }, ALICE);
  trial.clock.advance(8 * DAY_MS);
  await store.expire(Math.floor(trial.clock.nowMs() / 1000));
  const read: string[] = [];
  for await (const { bytes } of store.readBodies(far.id, targetUids))
    read.push(bytes.toString().slice(9, 12));
  assert.deepEqual(read, ["one", "two", "thr"]);
  assert.deepEqual(
    [...store.readSummaries(far.id, targetUids)].map(({ uid }) => uid),
    targetUids,
  );
  assert.ok(readdirSync(join(trial.folder, "segments", "second")).length > 0);
});

test("the body of a damaged record is refused, those before it are not", async (context) => {
  const trial = await StoreTrial.open(context);
  const { id, uids } = await three(trial);
  await trial.reopen();
  const [segment] = readdirSync(join(trial.folder, "segments", "default"));
  const file = openSync(join(trial.folder, "segments", "default", segment!), "r+");
  // Into the GUID of the second record: each is 32 bytes of header and the body.
  const first = "Subject: one\r\n\r\none\r\n".length;
  writeSync(file, Buffer.from("damaged"), 0, 7, 32 + first + 14);
  closeSync(file);
  const damaged = { code: "disk_failed", message: /message 2 is damaged/ };
  await assert.rejects(trial.store.readBody(id, uids[1]!), damaged);
  const read: number[] = [];
  await assert.rejects(async () => {
    for await (const { uid } of trial.store.readBodies(id, uids)) read.push(uid);
  }, damaged);
  assert.deepEqual(read, [1]);
  assert.match((await trial.store.readBody(id, toUid(3))).toString(), /three/);
});

test("expiry goes through many mailboxes in steps and misses none", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  for (let i = 0; i < 30; i++) {
    const { id } = await store.create(`user.u${i}`, {});
    const uids = await trial.append(id, ...Array.from({ length: 150 }, (_, n) => `${n}`));
    await store.expunge(id, uids.slice(i), { onlyDeleted: false }, ALICE);
    if (i % 3 === 0) await store.delete(id);
  }
  trial.clock.advance(8 * DAY_MS);
  const expired = await store.expire(Math.floor(trial.clock.nowMs() / 1000));
  const kept = Array.from({ length: 30 }, (_, i) => i).filter((i) => i % 3 !== 0);
  assert.deepEqual(expired, { messages: kept.reduce((sum, i) => sum + 150 - i, 0), mailboxes: 10 });
  for (const { id } of store.mailboxes.list("")) assert.deepEqual(await store.expungedRecords(id), []);
});

test("apply with revive brings an expunged message back under its UID", async (context) => {
  const trial = await StoreTrial.open(context);
  const { id, uids } = await three(trial);
  const view = await trial.store.open(id);
  await trial.store.expunge(id, [uids[1]!], { onlyDeleted: false }, ALICE);
  const gone = trial.store.findRecord(id, uids[1]!)!;
  const record = {
    ...gone,
    systemFlags: 0,
    modseq: toModseq(gone.modseq + 1),
    body: { guid: gone.guid, partition: "default" },
  };
  const header = { highestModseq: record.modseq };
  await trial.store.apply({ mailbox: id, header, records: [record] });
  assert.equal(trial.store.mailboxes.get("user.alice").exists, 2);
  await trial.store.apply({ mailbox: id, header, records: [record], revive: true });
  for (const fresh of [false, true]) {
    if (fresh) {
      view.release();
      await trial.reopen();
    } else assert.deepEqual([...(await trial.store.open(id)).uids], uids);
    const { store } = trial;
    const { exists, syncCrc } = store.mailboxes.get("user.alice");
    assert.equal(exists, 3);
    assert.equal(syncCrc, syncCrcs([...store.readRecords(id)].flat()).syncCrc);
    assert.match((await store.readBody(id, uids[1]!)).toString(), /two/);
  }
  trial.clock.advance(8 * DAY_MS);
  await trial.store.expire(Math.floor(trial.clock.nowMs() / 1000));
  await trial.store.maintenance.compact({ belowLive: 1 });
  assert.match((await trial.store.readBody(id, uids[1]!)).toString(), /two/);
});

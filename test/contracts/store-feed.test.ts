/** The change feed: what is in it, durable followers, trimming, and who falls behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toUid } from "../../src/base/numbers.ts";
import { ALICE, StoreTrial } from "../support/store-trial.ts";

const FLAGGED = { mode: "add", systemFlags: 4, keywords: [] } as const;

test("feed tells of every change once a commit, in order", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id, uniqueId } = await store.create("user.alice", {});
  await trial.append(id, "one");
  await Promise.all([trial.append(id, "two"), trial.append(id, "three")]);
  await store.storeFlags(id, [toUid(1)], FLAGGED, ALICE);
  await store.expunge(id, "all", { onlyDeleted: false }, ALICE);
  await store.setAcl(id, []);
  await store.setSpecialUse(id, ["sent"]);
  await store.subscriptions.set("alice", "user.alice", true);
  await store.quotas.set("user.alice", {});
  await store.delete(id, { immediate: true });
  const entries = store.feed.read(0, 100);
  const kinds = [
    "create",
    "append",
    "append",
    "flags",
    "expunge",
    "acl",
    "header",
    "subscription",
    "quota",
    "delete",
  ];
  assert.deepEqual(
    entries.map(({ kind }) => kind),
    kinds,
  );
  assert.deepEqual(
    entries.map(({ sequence }) => sequence),
    kinds.map((_, i) => i + 1),
  );
  assert.ok(entries.filter(({ mailbox }) => mailbox === id).every((entry) => entry.uniqueId === uniqueId));
});

test("followers keep their position over restarts and hear of news", async (context) => {
  const trial = await StoreTrial.open(context);
  const { id } = await trial.store.create("user.alice", {});
  await trial.append(id, "one");
  const late = await trial.store.feed.follow("late");
  assert.deepEqual(late.next(10), []);
  const early = await trial.store.feed.follow("early", { fromStart: true });
  assert.equal(early.next(10).length, 2);
  let news = 0;
  const stop = late.onNews(() => news++);
  await trial.append(id, "two");
  assert.equal(news, 1);
  stop();
  await late.advance(late.next(10).at(-1)!.sequence);
  assert.deepEqual(late.next(10), []);
  const { feed } = await trial.reopen();
  assert.deepEqual(feed.followers(), [
    { name: "early", position: 0 },
    { name: "late", position: 3 },
  ]);
  const again = await feed.follow("late");
  assert.equal(again.position, 3);
  await again.remove();
  assert.deepEqual(feed.followers(), [{ name: "early", position: 0 }]);
});

test("feed is trimmed up to the slowest follower; one from before that is told to compare", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id } = await store.create("user.alice", {});
  const [uid] = await trial.append(id, "one");
  const follower = await store.feed.follow("slow", { fromStart: true });
  const toggle = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      const mode = i % 2 === 0 ? "add" : "remove";
      await store.storeFlags(id, [uid!], { ...FLAGGED, mode }, ALICE);
    }
  };
  await toggle(1100);
  assert.equal(store.feed.tail, 1);
  assert.equal(follower.fellBehind, false);
  await follower.advance(500);
  await toggle(1000);
  assert.equal(store.feed.tail, 501);
  assert.equal(follower.next(1)[0]?.sequence, 501);
  const late = await store.feed.follow("from the start", { fromStart: true });
  assert.equal(late.fellBehind, true);
});

test("listeners of one mailbox hear what its commits did; a failing one disturbs nobody", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id } = await store.create("user.alice", {});
  const heard: string[] = [];
  store.onMailboxChange(id, () => {
    throw new Error("a bug of the listener");
  });
  const stop = store.onMailboxChange(id, ({ appended, changed, expunged, bySession, mailbox }) => {
    heard.push(`${appended.join()}|${changed.join()}|${expunged.join()}|${bySession}|${mailbox.exists}`);
  });
  await trial.append(id, "one", "two");
  await store.storeFlags(id, [toUid(2)], FLAGGED, ALICE);
  await store.expunge(id, [toUid(1)], { onlyDeleted: false }, ALICE);
  await store.annotateMessages(
    id,
    [toUid(2)],
    [{ entry: "/comment", userId: "", value: Buffer.from("x") }],
    ALICE,
  );
  stop();
  await trial.append(id, "three");
  assert.deepEqual(heard, ["1,2|||1|2", "|2||1|2", "||1|1|1", "|2||1|1"]);
});

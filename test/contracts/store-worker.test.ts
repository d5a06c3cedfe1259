/** The store with its committer in a thread of its own, and what happens when that thread or a reader fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { toModseq, type Uid } from "../../src/base/numbers.ts";
import { CommitterThread } from "../../src/store/commit-runners.ts";
import type { StoreError } from "../../src/store/errors.ts";
import { ALICE, StoreTrial } from "../support/store-trial.ts";

test("many concurrent deliveries through the worker: all there, in order, also after reopening", async (context) => {
  const trial = await StoreTrial.open(context, { inline: false });
  const { id } = await trial.store.create("user.alice", {});
  const view = await trial.store.open(id);
  const uids = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const body = trial.store.stageBuffer(Buffer.from(`Subject: ${i}\r\n\r\n`));
      const targets = [{ mailbox: id, systemFlags: 0, keywords: [], prefix: Buffer.from("X: y\r\n") }];
      const [result] = await trial.store.deliver(body, targets);
      assert.equal(result?.status, "delivered");
      return result.uid;
    }),
  );
  assert.deepEqual(
    [...view.uids],
    uids.toSorted((a, b) => a - b),
  );
  view.release();
  await trial.reopen();
  let read = 0;
  for await (const { uid, bytes } of trial.store.readBodies(id, uids)) {
    assert.equal(bytes.toString(), `X: y\r\nSubject: ${uids.indexOf(uid)}\r\n\r\n`);
    read++;
  }
  assert.equal(read, 200);
});

test("a committer that cannot open its folder says so", async (context) => {
  const trial = await StoreTrial.open(context);
  const thread = new CommitterThread(`${trial.folder}/none`, 2 ** 20);
  await assert.rejects(thread.ready, /none|unable to open|directory/);
});

test("a view that a commit cannot be shown in is read from the disk again", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id } = await store.create("user.alice", {});
  const view = await store.open(id);
  const heard: number[] = [];
  store.onMailboxChange(id, ({ mailbox }) => heard.push(mailbox.exists));
  Object.defineProperty(view, "apply", {
    configurable: true,
    value() {
      Reflect.deleteProperty(view, "apply");
      throw new Error("a bug");
    },
  });
  await trial.append(id, "one");
  assert.deepEqual([view.count, view.mailbox.exists, store.mailboxes.get("user.alice").exists], [1, 1, 1]);
  await trial.append(id, "two");
  await store.expunge(id, [view.record(0).uid], { onlyDeleted: false }, ALICE);
  assert.deepEqual([view.count, view.vanishedSince(toModseq(1))], [1, [1]]);
  assert.deepEqual(heard, [1, 2, 1]);
  view.release();
});

test("a committer that is killed amid its batches: whoever waits is told, and what was answered is there", async (context) => {
  const failures: unknown[] = [];
  const trial = await StoreTrial.open(context, { inline: false, onFailure: (error) => failures.push(error) });
  const { id } = await trial.store.create("user.alice", {});
  const threads: Worker[] = [];
  const postMessage = Reflect.get(Worker.prototype, "postMessage") as (...message: unknown[]) => void;
  context.mock.method(
    Worker.prototype,
    "postMessage",
    function find(this: Worker, ...message: Parameters<Worker["postMessage"]>) {
      threads.push(this);
      postMessage.apply(this, message);
    },
  );
  const answered: Uid[] = [];
  const waiting = Array.from({ length: 2000 }, async (_, i) => {
    const { uids } = await trial.store.append(id, [trial.message(String(i))], ALICE);
    answered.push(...uids);
    if (answered.length === 700) void threads[0]?.terminate();
  });
  const outcomes = await Promise.allSettled(waiting);
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  assert.ok(refused.length > 0 && refused.length + answered.length === outcomes.length);
  for (const { reason } of refused) assert.equal((reason as StoreError).code, "disk_failed");
  assert.equal(failures.length, 1);
  await assert.rejects(trial.append(id, "more"), { code: "disk_failed" });
  context.mock.restoreAll();
  await trial.reopen();
  const view = await trial.store.open(id);
  for (const uid of answered) assert.ok(view.indexOf(uid) >= 0, `UID ${uid} was answered, is gone`);
  view.release();
  await trial.append(id, "more");
});

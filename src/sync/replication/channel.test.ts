import assert from "node:assert/strict";
import { test } from "node:test";
import { compareUser, openSyncPair, type SyncPair } from "../../../test/support/sync-pair.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { Logs, silentLog } from "../../base/log.ts";
import { toUid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import type { SyncRun } from "../client/run.ts";
import { Channel, type ChannelStatus } from "./channel.ts";

const ALICE = { userId: "alice", sessionId: 0 };

interface Followed {
  readonly channel: Channel;
  readonly runs: SyncRun[];
  /** Resolves when the replica has everything. */
  readonly caughtUp: () => Promise<void>;
}

function follow(
  pair: SyncPair,
  options: { isWanted?: (user: string) => boolean; acknowledgeTimeoutMs?: number } = {},
): Followed {
  const runs: SyncRun[] = [];
  const channel = new Channel({
    name: "second",
    host: "there",
    store: pair.here,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    metrics: { uploaded() {}, givenUp() {}, watch() {} },
    maxRetryDelayMs: 5,
    acknowledgeTimeoutMs: options.acknowledgeTimeoutMs,
    async connect() {
      const run = await pair.connect();
      runs.push(run);
      return run;
    },
    isWanted: options.isWanted ?? (() => true),
  });
  channel.start();
  return {
    channel,
    runs,
    async caughtUp() {
      const isBehind = ({ lagChanges, stuckUsers, isConnected }: ChannelStatus): boolean =>
        lagChanges > 0 || stuckUsers.length > 0 || !isConnected;
      while (isBehind(channel.status())) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

async function append(pair: SyncPair, name: string, text: string): Promise<void> {
  const body = pair.here.stageBuffer(Buffer.from(`Subject: ${text}\r\n\r\nbody\r\n`));
  await pair.here.append(pair.here.mailboxes.get(name).id, [{ body, systemFlags: 0, keywords: [] }], ALICE);
  body.release();
}

test("a channel takes what is there, then follows every kind of change", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there } = pair;
  await here.create("user.alice", {});
  await append(pair, "user.alice", "before");
  const { channel, caughtUp } = follow(pair);
  t.after(() => channel.stop());
  await caughtUp();
  await compareUser(here, there, "alice");
  const inbox = here.mailboxes.get("user.alice").id;
  await append(pair, "user.alice", "after");
  await here.storeFlags(
    inbox,
    [toUid(1)],
    { mode: "add", systemFlags: SystemFlag.flagged, keywords: ["k"] },
    ALICE,
  );
  await here.create("user.alice.Sent", {});
  await here.copy(inbox, [toUid(1)], here.mailboxes.get("user.alice.Sent").id, { move: true }, ALICE);
  await here.rename(here.mailboxes.get("user.alice.Sent").id, "user.alice.Gone", { withChildren: true });
  await here.subscriptions.set("alice", "user.alice", true);
  await here.quotas.set("user.alice", { messageLimit: 50 });
  await caughtUp();
  await compareUser(here, there, "alice");
  assert.equal(there.quotas.get("user.alice")?.messageLimit, 50);
  await here.delete(here.mailboxes.get("user.alice.Gone").id, { immediate: true });
  await here.create("shared.news", {});
  await caughtUp();
  assert.equal(there.mailboxes.find("user.alice.Gone"), undefined);
  assert.ok(there.mailboxes.find("shared.news") !== undefined);
});

test("a broken connection or a restart skips nothing", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there } = pair;
  await here.create("user.alice", {});
  let { channel, runs, caughtUp } = follow(pair);
  t.after(() => channel.stop());
  await caughtUp();
  for (let round = 0; round < 20; round++) {
    const appending = append(pair, "user.alice", `message ${round}`);
    if (round % 3 === 0) runs.at(-1)?.replica.link.destroy();
    if (round % 5 === 4) {
      await channel.stop();
      ({ channel, runs, caughtUp } = follow(pair));
    }
    await appending;
  }
  await caughtUp();
  await compareUser(here, there, "alice");
  assert.equal(there.mailboxes.get("user.alice").exists, 20);
});

test("users of whom this node is not master are left out, queued ones are compared in full", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there } = pair;
  await here.create("user.alice", {});
  await here.create("user.bob", {});
  const { channel, caughtUp } = follow(pair, { isWanted: (user) => user === "alice" });
  t.after(() => channel.stop());
  await caughtUp();
  assert.equal(there.mailboxes.find("user.bob"), undefined);
  await there.create("user.alice.OnlyThere", {});
  await there.deleteUser("alice");
  assert.equal(channel.enqueue("bob"), false);
  assert.equal(channel.enqueue("alice"), true);
  while (channel.status().queuedUsers > 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  await compareUser(here, there, "alice");
});

test("acknowledge: replica: an answer means that the replica has the message", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there } = pair;
  await here.create("user.alice", {});
  const { channel, caughtUp } = follow(pair, { acknowledgeTimeoutMs: 60_000 });
  t.after(() => channel.stop());
  pair.acknowledgements.add(channel);
  await caughtUp();
  for (let count = 1; count <= 5; count++) {
    await append(pair, "user.alice", `message ${count}`);
    assert.equal(there.mailboxes.get("user.alice").exists, count);
  }
  await Promise.all(Array.from({ length: 20 }, (_, index) => append(pair, "user.alice", `more ${index}`)));
  assert.equal(there.mailboxes.get("user.alice").exists, 25);
  assert.equal(channel.status().acknowledge, "waiting");
});

test("acknowledge: replica: without the replica the answer comes after the wait, and then at once", async (t) => {
  const pair = await openSyncPair(t);
  await pair.here.create("user.alice", {});
  const { channel } = follow(pair, { acknowledgeTimeoutMs: 1 });
  await channel.stop();
  pair.acknowledgements.add(channel);
  await append(pair, "user.alice", "one");
  assert.equal(channel.status().acknowledge, "given up");
  await append(pair, "user.alice", "two");
  assert.equal(pair.here.mailboxes.get("user.alice").exists, 2);
});

test("many appends at once: the replica is never ahead, nothing has to be settled", async (t) => {
  const warnings: string[] = [];
  const destination = (line: string): number => warnings.push(line);
  const log = new Logs({ level: "warn", format: "json", destination }).named("replication");
  const pair = await openSyncPair(t, { threads: true, log });
  await pair.here.create("user.alice", {});
  const { channel, caughtUp } = follow(pair);
  t.after(() => channel.stop());
  await caughtUp();
  const { id } = pair.here.mailboxes.get("user.alice");
  for (let round = 0; round < 40; round++) {
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => append(pair, "user.alice", `${round} ${index}`)),
    );
    // Somebody has the mailbox open.
    (await pair.here.open(id)).release();
  }
  await caughtUp();
  await compareUser(pair.here, pair.there, "alice");
  assert.deepEqual(warnings, []);
  assert.equal(pair.here.mailboxes.get("user.alice").lastUid, 320);
});

/** As if the feed had been trimmed before the channel was made, and the replica refused a shared mailbox. */
async function refusedShared(pair: SyncPair): Promise<void> {
  const { here, there } = pair;
  await here.create("user.alice", {});
  await here.create("shared.news", {});
  await here.create("shared.other", {});
  const many = Array.from({ length: 1_000 }, (_, index) => ({ entry: "/x", userId: `u${index}` }));
  await here.annotations.set(
    "",
    many.map((one) => ({ ...one, value: Buffer.from("x") })),
  );
  assert.ok(here.feed.tail > 1, "the feed was not trimmed");
  const other = await there.create("shared.news", {});
  const body = there.stageBuffer(Buffer.from("Subject: another\r\n\r\nbody\r\n"));
  await there.append(other.id, [{ body, systemFlags: 0, keywords: [] }], ALICE);
  body.release();
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}

test(
  "a first comparison puts a refused shared mailbox aside, and the position does not pass it",
  { timeout: 60_000 },
  async (t) => {
    const pair = await openSyncPair(t);
    const { here, there } = pair;
    await refusedShared(pair);
    const isWanted = (user: string): boolean => user === "" || user === "alice";
    const first = follow(pair, { isWanted });
    t.after(() => first.channel.stop());
    await until(() => first.channel.status().stuckUsers.length > 0);
    assert.deepEqual(first.channel.status().stuckUsers, [""]);
    assert.match(first.channel.status().lastError, /^shared mailboxes: .*IMAP_MAILBOX_MOVED/);
    assert.ok(first.channel.status().position < here.feed.tail - 1, "the position has passed him");
    assert.ok(there.mailboxes.find("shared.other") !== undefined, "another one waited for it");

    // Who is not refused does not wait.
    await append(pair, "user.alice", "meanwhile");
    await until(() => there.mailboxes.find("user.alice")?.exists === 1);
    assert.deepEqual(first.channel.status().stuckUsers, [""]);
    // Everybody else is equal: the lag is not his.
    await until(() => first.channel.status().lagChanges === 0);
    assert.equal(first.channel.status().lagSeconds, 0);
    await until(() => first.channel.status().stuckSeconds > 0);

    // Nothing in the feed speaks of it, and a restart forgets who was stuck.
    await first.channel.stop();
    await there.delete(there.mailboxes.get("shared.news").id, { immediate: true });
    const second = follow(pair, { isWanted });
    t.after(() => second.channel.stop());
    await second.caughtUp();
    assert.equal(there.mailboxes.get("shared.news").uniqueId, here.mailboxes.get("shared.news").uniqueId);
    assert.deepEqual(second.channel.status().stuckUsers, []);
  },
);

test(
  "who is refused is tried again in peace, and once he is taken the position moves on",
  { timeout: 60_000 },
  async (t) => {
    const pair = await openSyncPair(t);
    const { there } = pair;
    await refusedShared(pair);
    const { channel, runs, caughtUp } = follow(pair, { isWanted: (user) => user === "" });
    t.after(() => channel.stop());
    await until(() => channel.status().stuckUsers.length > 0);
    runs.at(-1)?.replica.link.destroy();
    await until(() => runs.length > 1);
    assert.deepEqual(channel.status().stuckUsers, [""]);
    await there.delete(there.mailboxes.get("shared.news").id, { immediate: true });
    await caughtUp();
    assert.deepEqual(channel.status().stuckUsers, []);
    assert.equal(channel.status().lastError, "");
  },
);

// What replication holds in memory does not grow with the mailbox: a large folder copied, changed and compared in full, and
// a user with many folders. Both ends are in this process.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { toUid } from "../../src/base/numbers.ts";
import { SystemFlag } from "../../src/store/model.ts";
import type { Store } from "../../src/store/port.ts";
import { checkUser } from "../../src/sync/client/check-user.ts";
import { updateUser } from "../../src/sync/client/update-user.ts";
import { openSyncPair, type SyncPair } from "../support/sync-pair.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const MESSAGES = LONG ? 100_000 : 12_000;
const FOLDERS = LONG ? 2_000 : 250;
const MIB = 2 ** 20;
/** Of both ends together, with what is not collected yet: a copy of every message as an object would be far more. */
const MAX_GROWTH_MIB = 700;
const SAMPLE_MS = 20;
/** Collecting takes as long as the heap is large: a sample must not be most of the run. */
const LIVE_SAMPLE_MS = LONG ? 2000 : 100;
/** What ten times the changes may need more, of both ends together: 25 MiB go over the wire for 100,000. */
const MAX_LIVE_DIFFERENCE_MIB = 20;
setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
const ALICE = { userId: "alice", sessionId: 0 };

/** The highest of both heap and buffers while `work` runs, above what there was before, in MiB. */
async function growthMib(work: () => Promise<void>): Promise<number> {
  globalThis.gc?.();
  const used = (): number => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, used())), SAMPLE_MS);
  await work();
  clearInterval(timer);
  return Math.round((Math.max(peak, used()) - before) / MIB);
}

/** The same of what is reachable: garbage is collected before each look. */
async function liveGrowthMib(work: () => Promise<void>): Promise<number> {
  const used = (): number => {
    gc();
    // The second waits until the buffers of the first are given back.
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, used())), LIVE_SAMPLE_MS);
  await work();
  clearInterval(timer);
  return Math.round((Math.max(peak, used()) - before) / MIB);
}

async function fill(store: Store, name: string, count: number): Promise<void> {
  const { id } = await store.create(name, {});
  for (let at = 0; at < count; at += 2000) {
    const messages = Array.from({ length: Math.min(2000, count - at) }, (_, index) => ({
      body: store.stageBuffer(Buffer.from(`Subject: ${name} ${at + index}\r\n\r\nx\r\n`)),
      systemFlags: 0,
      keywords: [],
    }));
    await store.append(id, messages, ALICE);
    for (const { body } of messages) body.release();
  }
}

async function sync(pair: SyncPair): Promise<void> {
  const run = await pair.connect();
  assert.deepEqual(await updateUser(run, "alice"), []);
  await run.replica.link.close();
}

async function flagAll(store: Store, systemFlags: number, count?: number): Promise<void> {
  const { id, lastUid: newest } = store.mailboxes.get("user.alice");
  const lastUid = count ?? newest;
  for (let first = 1; first <= lastUid; first += 5000) {
    const uids = Array.from({ length: Math.min(5000, lastUid - first + 1) }, (_, index) =>
      toUid(first + index),
    );
    await store.storeFlags(id, uids, { mode: "add", systemFlags, keywords: [] }, ALICE);
  }
}

function assertEqual({ here, there }: SyncPair): void {
  for (const own of here.mailboxes.ofUser("alice")) {
    const { syncCrc, syncCrcAnnot, exists } = there.mailboxes.get(own.name);
    assert.deepEqual(
      { syncCrc, syncCrcAnnot, exists },
      { syncCrc: own.syncCrc, syncCrcAnnot: own.syncCrcAnnot, exists: own.exists },
    );
  }
}

test(`a folder of ${MESSAGES} messages`, { timeout: 600_000 }, async (t) => {
  const pair = await openSyncPair(t);
  const { here, there } = pair;
  await fill(here, "user.alice", MESSAGES);
  const steps: [string, () => Promise<void>][] = [
    ["first copy", () => sync(pair)],
    ["every flag changed", async () => (await flagAll(here, SystemFlag.flagged), sync(pair))],
    [
      "both ends changed",
      async () => {
        await flagAll(here, SystemFlag.answered);
        await flagAll(there, SystemFlag.draft);
        await sync(pair);
      },
    ],
    [
      "comparison",
      async () => {
        const run = await pair.connect();
        await checkUser(run, "alice", ({ what }) => assert.fail(what));
        await run.replica.link.close();
      },
    ],
  ];
  for (const [name, work] of steps) {
    const mib = await growthMib(work);
    t.diagnostic(`${name}: ${mib} MiB`);
    assert.ok(mib < MAX_GROWTH_MIB, `${name} took ${mib} MiB`);
    assertEqual(pair);
  }
});

test(`${MESSAGES} changed flags take as much memory as a tenth of them`, { timeout: 600_000 }, async (t) => {
  const pair = await openSyncPair(t);
  const { here, there } = pair;
  await fill(here, "user.alice", MESSAGES);
  await sync(pair);
  const few = await liveGrowthMib(async () => {
    await flagAll(here, SystemFlag.answered, MESSAGES / 10);
    await sync(pair);
  });
  await flagAll(here, SystemFlag.flagged);
  const many = await liveGrowthMib(() => sync(pair));
  assertEqual(pair);
  await flagAll(there, SystemFlag.draft, 10);
  const compared = await liveGrowthMib(() => sync(pair));
  assertEqual(pair);
  const rssMib = Math.round(process.memoryUsage.rss() / MIB);
  t.diagnostic(`a tenth ${few}, all ${many}, compared in full ${compared}, resident ${rssMib} MiB`);
  assert.ok(many - few < MAX_LIVE_DIFFERENCE_MIB, `${few} MiB, then ${many} MiB`);
  assert.ok(compared - few < MAX_LIVE_DIFFERENCE_MIB, `${few} MiB, then ${compared} MiB`);
});

test(`a user with ${FOLDERS} folders`, { timeout: 600_000 }, async (t) => {
  const pair = await openSyncPair(t);
  await pair.here.create("user.alice", {});
  for (let folder = 0; folder < FOLDERS; folder++) await fill(pair.here, `user.alice.F${folder}`, 2);
  t.diagnostic(`first copy: ${await growthMib(() => sync(pair))} MiB`);
  assertEqual(pair);
  t.diagnostic(`nothing to do: ${await growthMib(() => sync(pair))} MiB`);
});

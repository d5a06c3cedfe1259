/** Crashes right after maintenance: segment files that went do not come back, bodies that moved are where they moved. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Uid } from "../../src/base/numbers.ts";
import { SimulatedStore } from "./simulated-store.ts";
import { ACTOR } from "./store-workload.ts";

const SEEDS = 8;
const MESSAGES = 40;
const FAR_FUTURE_SECONDS = 2 ** 32;

async function findings(simulated: SimulatedStore): Promise<string[]> {
  const found: string[] = [];
  await simulated.store.maintenance.check({}, (event) => {
    if (event.kind === "finding") found.push(event.finding.text);
  });
  return found;
}

async function filled(
  seed: number,
): Promise<{ simulated: SimulatedStore; bodies: Map<Uid, Buffer>; id: number }> {
  const simulated = new SimulatedStore(seed);
  const store = await simulated.open();
  const { id } = await store.create("user.alice", {});
  const bodies = new Map<Uid, Buffer>();
  for (let i = 0; i < MESSAGES; i += 1) {
    const body = Buffer.from(`Subject: ${i}\r\n\r\n${`${i} `.repeat(800)}`);
    const message = { body: store.stageBuffer(body), systemFlags: 0, keywords: [] };
    const { uids } = await store.append(id, [message], ACTOR);
    if (uids[0] !== undefined) bodies.set(uids[0], body);
  }
  const gone = [...bodies.keys()].filter((uid) => uid % 3 !== 0);
  await store.expunge(id, gone, { onlyDeleted: false }, ACTOR);
  await store.expire(FAR_FUTURE_SECONDS);
  for (const uid of gone) bodies.delete(uid);
  return { simulated, bodies, id };
}

async function crashAndVerify(
  simulated: SimulatedStore,
  bodies: ReadonlyMap<Uid, Buffer>,
  id: number,
): Promise<void> {
  simulated.disk.crash();
  const store = await simulated.restart();
  for (const [uid, body] of bodies) assert.ok((await store.readBody(id, uid)).equals(body), `UID ${uid}`);
  assert.deepEqual(await findings(simulated), []);
}

test("compaction, then a crash: every body is there and no removed file is back", async () => {
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const { simulated, bodies, id } = await filled(seed);
    try {
      const { removed } = await simulated.store.maintenance.compact({ belowLive: 1 });
      assert.ok(removed > 1);
      await crashAndVerify(simulated, bodies, id);
    } finally {
      await simulated.dispose();
    }
  }
});

test("archiving, then a crash: every body is there", async () => {
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const { simulated, bodies, id } = await filled(seed);
    try {
      const policy = { olderThanDays: undefined, largerThanBytes: 1 };
      assert.equal((await simulated.store.maintenance.archive(policy)).moved, bodies.size);
      await crashAndVerify(simulated, bodies, id);
    } finally {
      await simulated.dispose();
    }
  }
});

test("a round of maintenance comes by the clock, and a full disk only puts it off", async () => {
  const { simulated, bodies, id } = await filled(1);
  try {
    const { store, disk, clock } = simulated;
    const policy = {
      intervalMs: 1000,
      compactBelow: 1,
      compactFromBytes: 0,
      archive: { olderThanDays: undefined, largerThanBytes: 1 },
    };
    disk.capacityBytes = disk.usedBytes();
    await store.maintenance.round(policy);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    for (const [uid, body] of bodies) assert.ok((await store.readBody(id, uid)).equals(body));
    const segments = () => disk.list(`${simulated.folder}/segments/default`).length;
    assert.ok(segments() > 1);
    store.maintenance.start(policy);
    clock.advance(1001);
    await store.maintenance.settled();
    assert.equal(segments(), 0);
    await crashAndVerify(simulated, bodies, id);
  } finally {
    await simulated.dispose();
  }
});

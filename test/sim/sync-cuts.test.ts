// Replication over a connection that breaks at every point of the dialogue in turn, that is slow, and to a replica whose
// disk is full. After healing both ends are equal: nothing is lost, nothing is there twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { toUid } from "../../src/base/numbers.ts";
import { SystemFlag } from "../../src/store/model.ts";
import type { Store } from "../../src/store/port.ts";
import { updateUser } from "../../src/sync/client/update-user.ts";
import { ReplicaLost } from "../../src/sync/client/refusal.ts";
import type { PipeEnd } from "../support/pipe.ts";
import { compareUser, openSyncPair, type SyncPair } from "../support/sync-pair.ts";
import { SimRandom } from "./sim-random.ts";
import { SimulatedStore } from "./simulated-store.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const RANDOM_ROUNDS = LONG ? 1500 : 60;
const SEED = Number(process.env["SEED"] ?? 7);
const ALICE = { userId: "alice", sessionId: 0 };
const INBOX = "user.alice";
/** Nothing here takes more pieces; more would be a dialogue that never ends. */
const MAX_CUTS = 400;

/** Lets so many pieces pass, both ways counted together; the next one and everything after it is lost. */
function cutAfter(pieces: number, state: { isCut: boolean }): (client: PipeEnd) => void {
  return (client) => {
    let left = pieces;
    const passes = (): boolean => {
      if (state.isCut) return false;
      left -= 1;
      if (left >= 0) return true;
      state.isCut = true;
      client.destroy();
      return false;
    };
    const write = client.write.bind(client);
    client.write = (bytes) => void (passes() && write(bytes));
    const onData = client.onData.bind(client);
    client.onData = (receive) => onData((chunk) => void (passes() && receive(chunk)));
  };
}

/** Answers come some turns later, in order. */
function delayed(random: SimRandom): (client: PipeEnd) => void {
  return (client) => {
    const onData = client.onData.bind(client);
    let before: Promise<void> = Promise.resolve();
    client.onData = (receive) =>
      onData((chunk) => {
        const turns = random.below(6);
        before = before.then(async () => {
          for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
          receive(chunk);
        });
      });
  };
}

async function append(store: Store, name: string, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const body = store.stageBuffer(Buffer.from(`Subject: ${text}\r\n\r\n${text}\r\n`));
    await store.append(store.mailboxes.get(name).id, [{ body, systemFlags: 0, keywords: [] }], ALICE);
    body.release();
  }
}

async function flag(store: Store, uid: number, keyword: string): Promise<void> {
  const change = { mode: "add", systemFlags: SystemFlag.flagged, keywords: [keyword] } as const;
  await store.storeFlags(store.mailboxes.get(INBOX).id, [toUid(uid)], change, ALICE);
}

/** GUIDs of every live message of the user, each as often as it is there. */
function messagesOf(store: Store): string[] {
  const found: string[] = [];
  for (const { id } of store.mailboxes.ofUser("alice")) {
    for (const group of store.readRecords(id)) found.push(...group.map(({ guid }) => guid));
  }
  return found.toSorted();
}

/** One attempt; false when the connection broke. */
async function attempt(
  pair: SyncPair,
  onClient: (client: PipeEnd) => void,
  overImap = false,
): Promise<boolean> {
  try {
    const run = await pair.connect({ onClient, overImap });
    assert.deepEqual(await updateUser(run, "alice"), []);
    await run.replica.link.close();
    return true;
  } catch (error) {
    if (error instanceof ReplicaLost) return false;
    throw error;
  }
}

interface Scenario {
  readonly name: string;
  /** Changes on both ends; `round` makes what is new different each time. */
  change(pair: SyncPair, round: number): Promise<void>;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: "new messages and flags",
    async change({ here }, round) {
      await append(here, INBOX, `a${round}`, `b${round}`);
      await flag(here, here.mailboxes.get(INBOX).lastUid, `k${round % 7}`);
      await here.subscriptions.set("alice", INBOX, round % 2 === 0);
      await here.quotas.set(INBOX, { messageLimit: 1000 + round });
    },
  },
  {
    name: "copies, moves, expunged messages",
    async change({ here }, round) {
      await append(here, INBOX, `c${round}`);
      const inbox = here.mailboxes.get(INBOX);
      const { id } = here.mailboxes.find("user.alice.Box") ?? (await here.create("user.alice.Box", {}));
      await here.copy(inbox.id, [toUid(inbox.lastUid)], id, { move: round % 2 === 0 }, ALICE);
      await here.expunge(inbox.id, [toUid(1 + round)], { onlyDeleted: false }, ALICE);
    },
  },
  {
    name: "made, renamed and deleted mailboxes",
    async change({ here }, round) {
      const made = await here.create(`user.alice.New${round}`, {});
      await append(here, made.name, `d${round}`);
      const before = here.mailboxes.find(`user.alice.New${round - 1}`);
      if (before !== undefined)
        await here.rename(before.id, `user.alice.Old${round}`, { withChildren: true });
      const gone = here.mailboxes.find(`user.alice.Old${round - 1}`);
      if (gone !== undefined) await here.delete(gone.id, { immediate: true });
    },
  },
  {
    name: "several mailboxes, sent without waiting for each",
    async change({ here, there }, round) {
      for (let number = 0; number < 5; number++) {
        const name = `user.alice.Many${number}`;
        if (here.mailboxes.find(name) === undefined) await here.create(name, {});
        await append(here, name, `m${round}.${number}`);
        // One of them has to be compared each time, while others are on their way.
        const isThere = there.mailboxes.find(name) !== undefined;
        if (number === round % 5 && isThere) await append(there, name, `t${round}`);
      }
    },
  },
  {
    name: "both ends changed",
    async change({ here, there }, round) {
      await append(here, INBOX, `master${round}`);
      await append(there, INBOX, `replica${round}`, `second${round}`);
      await flag(there, there.mailboxes.get(INBOX).lastUid, `r${round % 7}`);
    },
  },
];

for (const [scenario, overImap] of [
  ...SCENARIOS.map((scenario) => [scenario, false] as const),
  [SCENARIOS.at(-1)!, true] as const,
]) {
  const { name } = scenario;
  test(
    `sync cut at every point${overImap ? " inside IMAP" : ""}: ${name}`,
    { timeout: 120_000 },
    async (t) => {
      const pair = await openSyncPair(t);
      const { here, there } = pair;
      await here.create(INBOX, {});
      await append(here, INBOX, "one", "two", "three");
      await pair.sync("alice");
      let cuts = 0;
      for (; cuts < MAX_CUTS; cuts++) {
        await scenario.change(pair, cuts);
        const wanted = new Set([...messagesOf(here), ...messagesOf(there)]);
        const state = { isCut: false };
        await attempt(pair, cutAfter(cuts, state), overImap).catch((error: unknown) => {
          throw new Error(`cut after ${cuts} pieces`, { cause: error });
        });
        await pair.sync("alice").catch((error: unknown) => {
          throw new Error(`healing after ${cuts} pieces`, { cause: error });
        });
        if (name === "both ends changed") {
          // Whoever had it: everything is there, and once.
          const all = messagesOf(here);
          assert.deepEqual(all, [...wanted].toSorted(), `after ${cuts} pieces`);
        }
        assert.deepEqual(messagesOf(there), messagesOf(here));
        if (!state.isCut) break;
      }
      assert.ok(cuts > 12 && cuts < MAX_CUTS, `${cuts} cuts`);
      t.diagnostic(`${cuts} cuts`);
    },
  );
}

test(
  "sync cut at random, again and again, with answers that come late",
  { timeout: LONG ? 1_200_000 : 120_000 },
  async (t) => {
    const random = new SimRandom(SEED);
    let pair = await openSyncPair(t);
    for (let round = 0; round < RANDOM_ROUNDS; round++) {
      if (round % 50 === 0) {
        pair = await openSyncPair(t);
        await pair.here.create(INBOX, {});
        await append(pair.here, INBOX, "one", "two", "three");
        await pair.sync("alice");
      }
      await random.pick(SCENARIOS).change(pair, round);
      for (let tries = 0; tries < 3; tries++) {
        await attempt(pair, cutAfter(random.below(80), { isCut: false })).catch((error: unknown) => {
          throw new Error(`seed ${SEED}, round ${round}, try ${tries}`, { cause: error });
        });
        if (random.chance(0.3)) await append(pair.here, INBOX, `meanwhile ${round} ${tries}`);
      }
      assert.ok(await attempt(pair, delayed(random)), `seed ${SEED}, round ${round}`);
      await compareUser(pair.here, pair.there, "alice").catch((error: unknown) => {
        throw new Error(`seed ${SEED}, round ${round}`, { cause: error });
      });
    }
  },
);

test("a replica whose disk is full refuses, keeps what it has, and takes the rest when there is room", async (t) => {
  const simulated = new SimulatedStore(SEED);
  t.after(() => simulated.dispose());
  const there = await simulated.open();
  const pair = await openSyncPair(t, { replica: there });
  const { here } = pair;
  await here.create(INBOX, {});
  await append(here, INBOX, "one");
  await pair.sync("alice");
  const { disk } = simulated;
  disk.capacityBytes = disk.usedBytes() + 1000;
  await append(here, INBOX, ...Array.from({ length: 10 }, (_, index) => `${index} ${"x".repeat(400_000)}`));
  const run = await pair.connect();
  const failed = await updateUser(run, "alice");
  assert.match(failed[0]?.error.message ?? "", /disk space|Storage failed/);
  await run.replica.link.close();
  const kept = there.mailboxes.get(INBOX);
  assert.match((await there.readBody(kept.id, toUid(1))).toString(), /one/);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  await pair.sync("alice");
  assert.equal(there.mailboxes.get(INBOX).exists, 11);
});

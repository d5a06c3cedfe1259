// What replication holds in memory does not grow with the mailbox: a large folder copied, changed on one side and on both,
// and compared; and a user with many folders. Each time a tenth of it is measured, too. Both ends are in this process.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { toUid } from "../../src/base/numbers.ts";
import { SystemFlag } from "../../src/store/model.ts";
import type { Store } from "../../src/store/port.ts";
import { checkUser } from "../../src/sync/client/check-user.ts";
import { updateUser } from "../../src/sync/client/update-user.ts";
import type { PipeEnd } from "../support/pipe.ts";
import { openSyncPair, type SyncPair } from "../support/sync-pair.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const MESSAGES = LONG ? 100_000 : 12_000;
const FOLDERS = LONG ? 2_000 : 250;
const MIB = 2 ** 20;
/** Looks at the heap: each takes as long as the heap is large, so they go by what is done, not by the clock. */
const LOOKS = LONG ? 15 : 6;
/** Of a message's record on the wire, about. */
const RECORD_BYTES = 250;
/** Messages of a commit when both sides have changed. */
const MESSAGES_A_COMMIT = 256;
/** What ten times as much may need more, of both ends together: 25 MiB go over the wire for 100,000 changes. */
const MAX_DIFFERENCE_MIB = 20;
setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;
const ALICE = { userId: "alice", sessionId: 0 };

/** Of one step, about. */
interface Work {
  readonly wireBytes: number;
  readonly commits: number;
}

/** Heap and buffers that are reachable, at their highest. */
class Live {
  readonly #bytesALook: number;
  readonly #commitsALook: number;
  #peak = 0;
  #wireBytes = 0;
  #commits = 0;

  constructor({ here, there }: SyncPair, { wireBytes, commits }: Work) {
    this.#bytesALook = wireBytes / LOOKS;
    this.#commitsALook = Math.ceil(commits / LOOKS);
    for (const store of [here, there]) {
      const apply = store.apply.bind(store);
      store.apply = (change) => {
        if (++this.#commits % this.#commitsALook === 0) this.#look();
        return apply(change);
      };
    }
  }

  /** MiB above what there was before, and what stays: the new messages and mailboxes themselves. */
  async growthMib(work: () => Promise<void>): Promise<number> {
    const before = used();
    this.#peak = before;
    await work();
    const after = used();
    return Math.max(0, Math.round((this.#peak - Math.max(before, after)) / MIB));
  }

  /** Looks at what goes over this connection. */
  watch(client: PipeEnd): void {
    const write = client.write.bind(client);
    client.write = (bytes) => {
      this.#count(bytes.length);
      write(bytes);
    };
    const onData = client.onData.bind(client);
    client.onData = (receive) =>
      onData((chunk) => {
        this.#count(chunk.length);
        receive(chunk);
      });
  }

  #count(bytes: number): void {
    this.#wireBytes += bytes;
    if (this.#wireBytes < this.#bytesALook) return;
    this.#wireBytes = 0;
    this.#look();
  }

  #look(): void {
    this.#peak = Math.max(this.#peak, used());
  }
}

function used(): number {
  gc();
  // The second waits until the buffers of the first are given back.
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
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

async function flag(store: Store, systemFlags: number, count: number): Promise<void> {
  const { id } = store.mailboxes.get("user.alice");
  for (let first = 1; first <= count; first += 5000) {
    const uids = Array.from({ length: Math.min(5000, count - first + 1) }, (_, index) =>
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

type Growth = ReadonlyMap<string, number>;

/** Step → how much the live heap grows while it is done. */
async function growthOf(
  pair: SyncPair,
  work: Work,
  steps: Readonly<Record<string, () => Promise<void>>>,
): Promise<Growth> {
  const live = new Live(pair, work);
  const found = new Map<string, number>();
  for (const [name, prepare] of Object.entries(steps)) {
    await prepare();
    const mib = await live.growthMib(async () => {
      const run = await pair.connect({ onClient: (client) => live.watch(client) });
      if (name === "comparison") await checkUser(run, "alice", ({ what }) => assert.fail(what));
      else assert.deepEqual(await updateUser(run, "alice"), []);
      await run.replica.link.close();
    });
    assertEqual(pair);
    found.set(name, mib);
  }
  return found;
}

async function growthOfFolder(t: TestContext, messages: number): Promise<Growth> {
  const pair = await openSyncPair(t);
  const { here, there } = pair;
  await fill(here, "user.alice", messages);
  return await growthOf(
    pair,
    { wireBytes: messages * RECORD_BYTES, commits: messages / MESSAGES_A_COMMIT },
    {
      "first copy": () => Promise.resolve(),
      "every flag changed": () => flag(here, SystemFlag.flagged, messages),
      "ten changed on the replica": () => flag(there, SystemFlag.draft, 10),
      async "both ends changed"() {
        await flag(here, SystemFlag.answered, messages);
        // One less: the same change of an even number of messages can leave the CRCs of both sides equal.
        await flag(there, SystemFlag.deleted, messages - 1);
      },
      comparison: () => Promise.resolve(),
    },
  );
}

async function growthOfFolders(t: TestContext, folders: number): Promise<Growth> {
  const pair = await openSyncPair(t);
  await pair.here.create("user.alice", {});
  for (let folder = 0; folder < folders; folder++) await fill(pair.here, `user.alice.F${folder}`, 2);
  return await growthOf(
    pair,
    { wireBytes: folders * 4 * RECORD_BYTES, commits: folders },
    {
      "first copy": () => Promise.resolve(),
      "nothing to do": () => Promise.resolve(),
      comparison: () => Promise.resolve(),
    },
  );
}

function assertConstant(t: TestContext, few: Growth, many: Growth): void {
  for (const [step, mib] of many) {
    const before = few.get(step) ?? 0;
    t.diagnostic(`${step}: ${before} MiB for a tenth, ${mib} MiB for all`);
    assert.ok(mib - before < MAX_DIFFERENCE_MIB, `${step}: ${before} MiB, then ${mib} MiB`);
  }
  t.diagnostic(`resident: ${Math.round(process.memoryUsage.rss() / MIB)} MiB`);
}

test(
  `a folder of ${MESSAGES} messages takes as much memory as a tenth of it`,
  { timeout: 600_000 },
  async (t) => {
    assertConstant(t, await growthOfFolder(t, MESSAGES / 10), await growthOfFolder(t, MESSAGES));
  },
);

test(`a user with ${FOLDERS} folders takes as much as one with a tenth`, { timeout: 600_000 }, async (t) => {
  assertConstant(t, await growthOfFolders(t, FOLDERS / 10), await growthOfFolders(t, FOLDERS));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Uid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import type { ItemState } from "../account/port.ts";
import { Cursor } from "./cursor.ts";
import { isQuiet, planBatch } from "./plan.ts";

/** A mailbox in memory that knows what changed; without CONDSTORE it shows modseq 0. */
class Box {
  readonly epoch = "1";
  readonly condstore: boolean;
  modseq = 1;
  uidNext = 1;
  floor = 0;
  readonly live = new Map<number, ItemState>();
  readonly tombs = new Map<number, number>();

  constructor(condstore: boolean) {
    this.condstore = condstore;
  }
  get highestModseq(): number {
    return this.condstore ? this.modseq : 0;
  }
  deliver(internalDate: number): void {
    this.#set({ uid: this.uidNext++ as Uid, systemFlags: 0, keywords: [], internalDate });
  }
  flag(uid: number, systemFlags: number): number {
    const state = this.live.get(uid)!;
    this.#set({ ...state, systemFlags });
    return this.modseq;
  }
  tag(uid: number, keywords: readonly string[]): void {
    this.#set({ ...this.live.get(uid)!, keywords });
  }
  #set(values: Pick<ItemState, "uid" | "systemFlags" | "keywords" | "internalDate">): void {
    this.modseq++;
    const modseq = this.condstore ? this.modseq : 0;
    this.live.set(values.uid, { sizeBytes: 10, ...values, modseq });
  }
  expunge(uid: number): void {
    this.live.delete(uid);
    this.tombs.set(uid, ++this.modseq);
  }
  forget(): void {
    this.floor = this.modseq;
    this.tombs.clear();
  }
  uids(since: number): Promise<Uint32Array> {
    const shown = [...this.live.values()].filter(
      (state) => state.internalDate >= since && !(state.systemFlags & SystemFlag.deleted),
    );
    return Promise.resolve(Uint32Array.from(shown, ({ uid }) => uid).sort());
  }
  changedAfter(position: { modseq: number; uid: number }, limit: number): Promise<ItemState[]> {
    const after = [...this.live.values()].filter(
      ({ modseq, uid }) => modseq > position.modseq || (modseq === position.modseq && uid > position.uid),
    );
    after.sort((a, b) => a.modseq - b.modseq || a.uid - b.uid);
    return Promise.resolve(after.slice(0, limit));
  }
  vanishedSince(modseq: number): Promise<Uint32Array | "unknown"> {
    if (modseq < this.floor) return Promise.resolve("unknown");
    const gone = [...this.tombs].filter(([, at]) => at > modseq).map(([uid]) => uid);
    return Promise.resolve(Uint32Array.from(gone).sort());
  }
  states(uids: readonly number[]): Promise<ItemState[]> {
    return Promise.resolve(uids.flatMap((uid) => this.live.get(uid) ?? []));
  }
}

/** What a device makes of the operations. */
class Phone {
  /** What is shown of each. */
  readonly items = new Map<number, string>();

  async sync(box: Box, cursor: Cursor, since: number, window: number): Promise<boolean> {
    const plan = await planBatch(cursor, box, { since, window });
    assert.ok(plan.count <= window, `${plan.count} operations in a window of ${window}`);
    for (const uid of [...plan.deletes, ...plan.softDeletes]) {
      assert.ok(this.items.delete(uid), `delete of ${uid}, which the device does not have`);
    }
    for (const state of plan.changes) {
      assert.ok(this.items.has(state.uid));
      this.items.set(state.uid, shownOf(state));
    }
    for (const state of await box.states(plan.adds)) {
      assert.ok(!this.items.has(state.uid), `${state.uid} comes twice`);
      this.items.set(state.uid, shownOf(state));
      cursor.sent(state);
    }
    return plan.more;
  }
}

function shownOf({ systemFlags, keywords }: ItemState): string {
  return [systemFlags, ...keywords].join(" ");
}

type Step = { kind: string; a: number; b: number };
const kinds = [
  "deliver",
  "deliver",
  "flag",
  "tag",
  "own",
  "delete",
  "undelete",
  "expunge",
  "forget",
  "sync",
  "filter",
];
const TAGS = ["Work", "Private", "Über=C3"];
const step = fc.record({
  kind: fc.constantFrom(...kinds),
  a: fc.nat(1000),
  b: fc.integer({ min: 0, max: 9 }),
});

async function play(condstore: boolean, list: readonly Step[]): Promise<void> {
  const box = new Box(condstore);
  const phone = new Phone();
  let since = 0;
  let cursor = Cursor.start(box.highestModseq, since);
  for (const { kind, a, b } of list) {
    const live = [...box.live.keys()];
    const uid = live[a % Math.max(1, live.length)];
    if (kind === "deliver") box.deliver(b * 100);
    else if (kind === "sync") await phone.sync(box, cursor, since, 1 + b);
    else if (kind === "filter") since = b * 100;
    else if (kind === "forget") box.forget();
    else if (uid === undefined) continue;
    else if (kind === "expunge") box.expunge(uid);
    else if (kind === "delete") box.flag(uid, SystemFlag.deleted);
    else if (kind === "undelete") box.flag(uid, 0);
    else if (kind === "tag") box.tag(uid, TAGS.slice(b % 3, b % 4));
    else if (kind === "flag") box.flag(uid, b % 2 ? SystemFlag.seen : SystemFlag.flagged);
    else if (phone.items.has(uid)) {
      const before = box.live.get(uid)!;
      const inStep = condstore ? cursor.knowsChange(before) : true;
      if (!condstore || before.systemFlags & SystemFlag.deleted) continue;
      const modseq = box.flag(uid, SystemFlag.answered);
      phone.items.set(uid, shownOf(box.live.get(uid)!));
      if (inStep) cursor.saw(uid, modseq);
    }
    cursor = Cursor.decode(cursor.encode());
  }
  for (let round = 0; await phone.sync(box, cursor, since, 5); round++) assert.ok(round < 500);
  const shown = await box.uids(since);
  const expected = [...shown].map((uid) => [uid, shownOf(box.live.get(uid)!)]);
  assert.deepEqual(
    [...phone.items].sort(([x], [y]) => x - y),
    expected,
  );
  if (condstore) assert.ok(isQuiet(cursor, box, since), "nothing is left to tell");
  assert.equal((await planBatch(cursor, box, { since, window: 10 })).count, 0);
}

test("planBatch: the device has what the mailbox has, with CONDSTORE", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), (list) => play(true, list)),
    { numRuns: 400 },
  );
});

test("planBatch: the device has what the mailbox has, without CONDSTORE", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), (list) => play(false, list)),
    { numRuns: 200 },
  );
});

test("planBatch: a change by the device is not sent back, one by somebody else is", async () => {
  const box = new Box(true);
  box.deliver(1);
  const cursor = Cursor.start(box.highestModseq, 0);
  await new Phone().sync(box, cursor, 0, 10);
  cursor.saw(1, box.flag(1, SystemFlag.seen));
  assert.equal((await planBatch(cursor, box, { since: 0, window: 10 })).count, 0);
  box.flag(1, SystemFlag.flagged);
  assert.equal((await planBatch(cursor, box, { since: 0, window: 10 })).changes.length, 1);
});

test("planBatch: without CONDSTORE a category is a change, keywords of mail programs are none", async () => {
  const box = new Box(false);
  for (let count = 0; count < 1_000; count++) box.deliver(1);
  let cursor = Cursor.start(0, 0);
  await new Phone().sync(box, cursor, 0, 1_000);
  const plain = cursor.encode().length;
  const changes = async (): Promise<number[]> => {
    cursor = Cursor.decode(cursor.encode());
    return (await planBatch(cursor, box, { since: 0, window: 10 })).changes.map(({ uid }) => uid);
  };
  box.tag(700, ["NonJunk", "$MDNSent"]);
  assert.deepEqual(await changes(), []);
  box.tag(700, ["Work", "NonJunk"]);
  box.tag(9, ["Work"]);
  assert.deepEqual(await changes(), [9, 700]);
  assert.deepEqual(await changes(), []);
  box.tag(700, ["Private"]);
  assert.deepEqual(await changes(), [700]);
  // Room for those that have categories only.
  assert.ok(cursor.encode().length < plain + 20);
  box.tag(700, []);
  assert.deepEqual(await changes(), [700]);
});

test("planBatch: a mailbox of 70,000 items comes whole, newest first", async () => {
  const uids = Uint32Array.from({ length: 70_000 }, (_, at) => at + 1);
  const box = new Box(true);
  box.uids = () => Promise.resolve(uids);
  box.states = (wanted) =>
    Promise.resolve(
      wanted.map((uid) => ({
        uid: uid as Uid,
        modseq: 1,
        systemFlags: 0,
        keywords: [],
        sizeBytes: 1,
        internalDate: 1,
      })),
    );
  let cursor = Cursor.start(1, 0);
  const phone = new Phone();
  let rounds = 1;
  for (; await phone.sync(box, cursor, 0, 512); rounds++) cursor = Cursor.decode(cursor.encode());
  assert.equal(phone.items.size, 70_000);
  assert.equal(rounds, Math.ceil(70_000 / 512));
  assert.deepEqual([...phone.items.keys()].slice(0, 2), [70_000, 69_999]);
  assert.ok(cursor.encode().length < 64);
});

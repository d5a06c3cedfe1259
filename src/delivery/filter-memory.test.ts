import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { MemoryOutbound } from "../../test/support/memory-outbound.ts";
import { type InlineStore, openInlineStore } from "../../test/support/inline-store.ts";
import { openSyncPair } from "../../test/support/sync-pair.ts";
import { silentLog } from "../base/log.ts";
import { systemClock } from "../base/io/clock.ts";
import { StoreError } from "../store/errors.ts";
import { FilterMemory } from "./filter-memory.ts";
import type { OutboundMail } from "./outbound.ts";

const DAY_S = 86_400;

function answer(to: string, kind: OutboundMail["kind"] = "vacation"): OutboundMail {
  const once = { key: `vacation ${to}`, seconds: 7 * DAY_S };
  return { kind, userId: "alice", sender: "", recipient: to, bytes: Buffer.from("x"), once };
}

async function openWithScripts(t: TestContext): Promise<InlineStore> {
  const inline = await openInlineStore();
  t.after(() => inline.close());
  await inline.store.create("user.alice", {});
  await inline.store.create("user.alice.#sieve", { type: "sieve" });
  return inline;
}

/** A node that has the user's mailboxes and an empty queue. */
function nodeWith({ store, clock }: InlineStore): FilterMemory {
  return new FilterMemory({ store, queue: new MemoryOutbound(), clock, log: silentLog });
}

test("FilterMemory: who was answered is known where the user moved to, until the days are over", async (t) => {
  const inline = await openWithScripts(t);
  const here = nodeWith(inline);
  assert.equal(await here.submit(answer("bob@remote.test")), "queued");
  assert.equal(await here.submit(answer("bob@remote.test")), "repeated");
  await here.remember("alice", "duplicate x", DAY_S);
  const there = nodeWith(inline);
  assert.equal(await there.submit(answer("bob@remote.test")), "repeated");
  assert.equal(await there.submit(answer("carol@remote.test")), "queued");
  assert.equal(there.isRemembered("alice", "duplicate x"), true);
  assert.equal(there.isRemembered("alice", "duplicate y"), false);
  inline.clock.advance(8 * DAY_S * 1000);
  assert.equal(there.isRemembered("alice", "duplicate x"), false);
  assert.equal(await nodeWith(inline).submit(answer("bob@remote.test")), "queued");
});

test("FilterMemory is bounded; what was seen pushes out no answer, redirects are not copied", async (t) => {
  const inline = await openWithScripts(t);
  const here = nodeWith(inline);
  assert.equal(await here.submit(answer("bob@remote.test")), "queued");
  const numbers = Array.from({ length: 6_000 }, (_, number) => number);
  await Promise.all(numbers.map((number) => here.remember("alice", `seen ${number}`, number + 60)));
  const size = [...inline.store.annotations.all("user.alice.#sieve")].reduce(
    (sum, { value }) => sum + value.length,
    0,
  );
  assert.ok(size < 17 * 256 * 32, `${size} bytes`);
  const there = nodeWith(inline);
  assert.equal(await there.submit(answer("bob@remote.test")), "repeated");
  // Those that would have ended first are gone.
  assert.equal(there.isRemembered("alice", "seen 0"), false);
  assert.equal(there.isRemembered("alice", "seen 5999"), true);
  assert.equal(await here.submit(answer("dan@remote.test", "redirect")), "queued");
  assert.equal(await there.submit(answer("dan@remote.test", "redirect")), "queued");
});

test("FilterMemory: many at one time lose nothing; a store that takes no writes stops no answer", async (t) => {
  const inline = await openWithScripts(t);
  const here = nodeWith(inline);
  const senders = Array.from({ length: 50 }, (_, number) => `s${number}@remote.test`);
  await Promise.all(senders.map((sender) => here.submit(answer(sender))));
  const there = nodeWith(inline);
  for (const sender of senders) assert.equal(await there.submit(answer(sender)), "repeated", sender);
  inline.refuseWith = new StoreError("read_only", "served elsewhere");
  assert.equal(await there.submit(answer("late@remote.test")), "queued");
  assert.equal(await there.submit(answer("late@remote.test")), "repeated");
});

test("FilterMemory: a replica that takes over answers nobody a second time", async (t) => {
  const { here, there, sync } = await openSyncPair(t);
  await here.create("user.alice", {});
  await here.create("user.alice.#sieve", { type: "sieve" });
  await sync("alice");
  const rest = { clock: systemClock, log: silentLog };
  const master = new FilterMemory({ store: here, queue: new MemoryOutbound(), ...rest });
  assert.equal(await master.submit(answer("bob@remote.test")), "queued");
  await sync("alice");
  const replica = new FilterMemory({ store: there, queue: new MemoryOutbound(), ...rest });
  assert.equal(await replica.submit(answer("bob@remote.test")), "repeated");
  assert.equal(await replica.submit(answer("carol@remote.test")), "queued");
});

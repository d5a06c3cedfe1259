import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { openSyncPair } from "../../../test/support/sync-pair.ts";
import { updateUser } from "../client/update-user.ts";
import { KeptReplica } from "./kept-replica.ts";

test("a kept connection serves the next run to the same replica, for a moment, unless it is gone", async (t) => {
  const pair = await openSyncPair(t);
  await pair.here.create("user.alice", {});
  const clock = new SimClock();
  const kept = new KeptReplica(clock);
  const first = await pair.connect();
  await kept.keep("one", first.replica);
  assert.equal(kept.take("other"), undefined);
  assert.equal(kept.take("one"), first.replica);
  assert.equal(kept.take("one"), undefined);
  clock.advance(10_000);
  assert.deepEqual(await updateUser(first, "alice"), []);

  // Another one takes its place.
  await kept.keep("one", first.replica);
  const second = await pair.connect();
  await kept.keep("two", second.replica);
  assert.ok(first.replica.link.isLost);
  second.replica.link.destroy();
  assert.equal(kept.take("two"), undefined);

  const third = await pair.connect();
  await kept.keep("three", third.replica);
  clock.advance(10_000);
  await third.replica.restart().catch(() => undefined);
  assert.ok(third.replica.link.isLost);
  assert.equal(kept.take("three"), undefined);
});

/** A migration that waits for room at its target. */
import assert from "node:assert/strict";
import type { MigrationDatabase } from "../../../src/migrate/database/open.ts";
import type { SimClock } from "../../sim/sim-clock.ts";
import { fieldsOf, LEASE_MS, SUCCESS } from "./doors.ts";

const WORKER = { target: "default", name: "w1", version: "1" };
const PRE_SYNC = { phase: "PRE_SYNC", priority: false, dryRun: false, notBeforeMs: 0 } as const;

export async function playPauses(door: MigrationDatabase, clock: SimClock): Promise<void> {
  await door.users.submit("CustomerX", "anna", fieldsOf("anna"), PRE_SYNC);
  const queue = door.jobQueue();
  const full = { ...SUCCESS, status: "FAILED", error: "the target has no room" } as const;
  for (let pauses = 0; pauses < 2; pauses++) {
    const [job] = await queue.take(WORKER, 1, LEASE_MS);
    assert.ok(job !== undefined);
    assert.deepEqual([job.pauses, job.attempt], [pauses, 1]);
    assert.equal((await door.journal.findLatest("CustomerX", "anna"))?.error, undefined);
    assert.equal(await queue.pause(job, 5000, full), true);
    assert.equal(await queue.pause(job, 5000, full), false);
    const record = await door.journal.findLatest("CustomerX", "anna");
    assert.deepEqual([record?.status, record?.error], ["READY", full.error]);
    assert.ok(Date.parse(record?.notBefore ?? "") > door.clock.nowMs());
    assert.deepEqual(await queue.take(WORKER, 1, LEASE_MS), []);
    clock.advance(5001);
  }
}

/** What `watch` shows of more jobs than it lists. */
import assert from "node:assert/strict";
import type { MigrationDatabase } from "../../../src/migrate/database/open.ts";
import { HostRow } from "../../../src/migrate/pace/host-row.ts";
import { readOverview, readProgress } from "../../../src/migrate/plan/overview.ts";
import type { SimClock } from "../../sim/sim-clock.ts";
import { fieldsOf, LEASE_MS, hostOf, PROGRESS, SUCCESS } from "./doors.ts";

const WORKER = { target: "default", name: "w1", version: "1" };
const PRE_SYNC = { phase: "PRE_SYNC", priority: false, dryRun: false, notBeforeMs: 0 } as const;
const JOBS = 63;

export async function playOverview(door: MigrationDatabase, clock: SimClock): Promise<void> {
  await door.sources.setHost(hostOf("host1", JOBS - 1));
  for (let user = 0; user < JOBS; user++) {
    await door.users.submit("CustomerX", `user${user}`, fieldsOf(`user${user}`), PRE_SYNC);
  }
  const queue = door.jobQueue();
  const jobs = await queue.take(WORKER, JOBS, LEASE_MS);
  const [failed, full, silent, ...moving] = jobs;
  assert.ok(failed !== undefined && full !== undefined && silent !== undefined);
  await queue.finish(failed, { ...SUCCESS, status: "FAILED", error: "no such user" });
  await queue.pause(full, 5000, { ...SUCCESS, status: "FAILED", error: "the target has no room" });
  for (const job of moving) await queue.progress(job, PROGRESS);
  const host = new HostRow(door.sql, { source: "CustomerX", host: "host1" }, () => door.clock.nowMs());
  await host.tell(0, 0);
  clock.advance(10_000);
  await host.tell(200, 40_000);

  for (const source of [undefined, "CustomerX"]) {
    const overview = await readOverview(door, source);
    const { users, failed: failures, queued, runningCount, running, messagesDone, bytesTotal } = overview;
    assert.deepEqual([users, failures, queued, runningCount, running.length], [JOBS, 1, 2, JOBS - 3, 50]);
    assert.deepEqual([messagesDone, bytesTotal], [moving.length * 3, moving.length * 900]);
    assert.deepEqual(
      overview.failures.map(({ sourceUid, error }) => [sourceUid, error]),
      [[failed.user.sourceUid, "no such user"]],
    );
    assert.equal(overview.pausedCount, 1);
    const [paused] = overview.paused;
    assert.deepEqual([paused?.sourceUid, paused?.error], [full.user.sourceUid, "the target has no room"]);
    // Over PostgreSQL the clock is the server's, a moment later.
    assert.ok(Math.abs(overview.messagesPerSecond - 20) < 2, String(overview.messagesPerSecond));
    assert.deepEqual(overview.slowHosts, []);
    const progress = await readProgress(door, source);
    assert.equal(progress.size, moving.length);
    assert.deepEqual(progress.get(moving[0]!.id), { messagesDone: 3, bytesDone: 300 });
  }
  await host.backOff("NO [THROTTLED] slow down");
  const { slowHosts } = await readOverview(door, undefined);
  assert.deepEqual(
    slowHosts.map(({ host: name, reason }) => [name, reason]),
    [["host1", "NO [THROTTLED] slow down"]],
  );
  assert.equal((await readOverview(door, "CustomerY")).users, 0);
}

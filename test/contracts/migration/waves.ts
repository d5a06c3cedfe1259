/** Waves over any SQL engine. */
import assert from "node:assert/strict";
import type { MigrationDatabase } from "../../../src/migrate/database/open.ts";
import { MigrateError, type MigrateErrorCode } from "../../../src/migrate/errors.ts";
import type { JobResult, MigrationJob } from "../../../src/migrate/model.ts";
import type { SimClock } from "../../sim/sim-clock.ts";

const LEASE_MS = 60_000;
const worker = () => ({ target: "default", name: "w1", version: "1" });
const initial = { state: "RUNNING", maxThreads: 4 } as const;
const presync = { phase: "PRE_SYNC", priority: false, dryRun: false, notBeforeMs: 0 } as const;
const SUCCESS: JobResult = {
  status: "SUCCESS",
  details: [],
  syncMessageCount: 0,
  expungedMessageCount: 0,
  syncSpeed: 0,
};

const refusal = (code: MigrateErrorCode) => (error: unknown) =>
  error instanceof MigrateError && error.code === code;
const uids = (jobs: readonly MigrationJob[]): string[] => jobs.map(({ user }) => user.sourceUid);
const fieldsOf = (name: string) => ({ targetUid: name, target: "default", sourceHost: "host1" });

export async function playWave(door: MigrationDatabase, clock: SimClock): Promise<void> {
  const { waves, users } = door;
  for (const name of ["anna", "bert", "carl"]) await users.create("CustomerX", name, fieldsOf(name));
  const wave = { name: "night", source: "CustomerX", windows: ["22:00-06:00"], timeZone: "UTC" };
  await waves.create(wave);
  await assert.rejects(waves.create(wave), refusal("conflict"));
  await assert.rejects(waves.create({ ...wave, name: "x", windows: ["soon"] }), refusal("invalid"));
  await assert.rejects(waves.create({ ...wave, name: "x", timeZone: "Mars/Base" }), refusal("invalid"));
  assert.deepEqual(await waves.addUsers(await waves.get("night"), ["anna", "nobody", "bert"]), ["nobody"]);
  const queue = door.jobQueue();
  await queue.register(worker(), initial);
  // To midnight UTC, by the clock that all workers share.
  const dayMs = 86_400_000;
  clock.advance(dayMs - (door.clock.nowMs() % dayMs));
  const ofWave = { ...presync, wave: "night" };
  await users.submit("CustomerX", "anna", {}, ofWave);
  await users.submit("CustomerX", "bert", {}, { ...ofWave, phase: "CUTOVER" });

  const jobs = await queue.take(worker(), 4, LEASE_MS);
  assert.deepEqual(uids(jobs), ["anna", "bert"]);
  assert.equal((await queue.recall(jobs)).size, 0);
  clock.advance(6 * 3_600_000);
  assert.deepEqual([...(await queue.recall(jobs))], [jobs[0]?.id]);
  await queue.giveBack(jobs[0]!, 0);
  await queue.finish(jobs[1]!, SUCCESS);
  // In no wave: it runs at any time.
  await users.submit("CustomerX", "carl", {}, presync);
  const atDay = await queue.take(worker(), 4, LEASE_MS);
  assert.deepEqual(uids(atDay), ["carl"]);
  await queue.finish(atDay[0]!, SUCCESS);

  clock.advance(16 * 3_600_000);
  await waves.setState("night", "PAUSED");
  assert.deepEqual(await queue.take(worker(), 4, LEASE_MS), []);
  await waves.setState("night", "RUNNING");
  const atNight = await queue.take(worker(), 4, LEASE_MS);
  assert.deepEqual(uids(atNight), ["anna"]);
  await assert.rejects(waves.remove("night"), refusal("in_use"));
  await queue.finish(atNight[0]!, SUCCESS);

  // A way back is for those who were cut over.
  assert.deepEqual(await waves.cutOver("night", "", 10), ["bert"]);
  await users.submit("CustomerX", "bert", {}, { ...ofWave, phase: "ROLLBACK" });
  const [back] = await queue.take(worker(), 4, LEASE_MS);
  assert.equal(back?.phase, "ROLLBACK");
  await queue.finish(back, SUCCESS);
  assert.deepEqual(await waves.cutOver("night", "", 10), []);
  assert.deepEqual(await waves.counts("night"), [
    { phase: "PRE_SYNC", status: "SUCCESS", count: 1 },
    { phase: "ROLLBACK", status: "SUCCESS", count: 1 },
  ]);
  await waves.remove("night");
  assert.deepEqual(await waves.list(), []);
}

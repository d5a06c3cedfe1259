import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleJob } from "../../../test/support/migration-job.ts";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { silentLog } from "../../base/log.ts";
import type { Engine, Pace } from "../engine.ts";
import type { JobQueue } from "../job-queue.ts";
import type { JobResult } from "../model.ts";
import { Worker } from "./worker.ts";

const LEASE_MS = 60_000;
const JOB = sampleJob({ sourceUid: "anna", targetUid: "anna" });

test("Worker: a job is stopped before its lease ends, also when the database says nothing at all", async () => {
  const clock = new SimClock();
  const never = new Promise<never>(() => undefined);
  const orders = { state: "RUNNING", maxThreads: 1 } as const;
  const jobs = [JOB];
  const written: string[] = [];
  const write = (what: string): Promise<boolean> => {
    written.push(what);
    return Promise.resolve(true);
  };
  const queue: JobQueue = {
    register: () => Promise.resolve(orders),
    heartbeat: () => never,
    take: () => Promise.resolve(jobs.splice(0)),
    renew: () => never,
    guard: () => ({ sql: "SELECT 1", values: [] }),
    recall: () => never,
    progress: () => never,
    finish: () => write("finish"),
    giveBack: () => write("giveBack"),
    pause: () => write("pause"),
    onWork: () => () => undefined,
  };
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<number>();
  const engine: Engine = {
    name: "imap",
    run: (_job, { signal }) =>
      new Promise<JobResult>((resolve) => {
        begun.resolve();
        signal.addEventListener("abort", () => {
          ended.resolve(clock.monotonicMs());
          resolve({
            status: "ABORTED",
            details: [],
            syncMessageCount: 0,
            expungedMessageCount: 0,
            syncSpeed: 0,
          });
        });
      }),
  };
  const worker = new Worker({
    queue,
    identity: { target: "default", name: "one", version: "0" },
    initial: orders,
    leaseMs: LEASE_MS,
    chooseEngine: () => engine,
    paceOf: () => ({}) as Pace,
    around: (_job, _context, run) => run(),
    clock,
    log: silentLog,
    metrics: { ended: () => undefined, paused: () => undefined },
  });
  worker.start();
  await begun.promise;
  clock.advance(LEASE_MS);
  assert.ok((await ended.promise) < LEASE_MS);
  await worker.stop();
  // The job is another worker's by now.
  assert.deepEqual(written, []);
});

test("Worker: what failed for now goes back into the queue, so often as the engine says", async () => {
  const jobs = [0, 1, 2].map((pauses) => sampleJob({}, { id: pauses + 1, pauses }));
  const never = new Promise<never>(() => undefined);
  const orders = { state: "RUNNING", maxThreads: 1 } as const;
  const written: string[] = [];
  const done = Promise.withResolvers<void>();
  const queue: JobQueue = {
    register: () => Promise.resolve(orders),
    heartbeat: () => never,
    take: () => Promise.resolve(jobs.splice(0, 1)),
    renew: (held) => Promise.resolve(new Set(held.map(({ id }) => id))),
    guard: () => ({ sql: "SELECT 1", values: [] }),
    recall: () => Promise.resolve(new Set()),
    progress: () => Promise.resolve(true),
    giveBack: () => never,
    pause: ({ id }, delayMs, { error }) => {
      written.push(`${id} paused for ${delayMs}: ${error}`);
      return Promise.resolve(true);
    },
    finish: ({ id }, { status, error }) => {
      written.push(`${id} ${status}: ${error}`);
      done.resolve();
      return Promise.resolve(true);
    },
    onWork: () => () => undefined,
  };
  const counted: string[] = [];
  const worker = new Worker({
    queue,
    identity: { target: "default", name: "one", version: "0" },
    initial: orders,
    leaseMs: LEASE_MS,
    chooseEngine: () => ({
      name: "imap",
      run: () =>
        Promise.resolve({
          status: "FAILED",
          details: [],
          syncMessageCount: 0,
          expungedMessageCount: 0,
          syncSpeed: 0,
          error: "no room",
          retry: { afterMs: 60_000, pauses: 2 },
        }),
    }),
    paceOf: () => ({}) as Pace,
    around: (_job, _context, run) => run(),
    clock: new SimClock(),
    log: silentLog,
    metrics: { ended: () => void counted.push("ended"), paused: () => void counted.push("paused") },
  });
  worker.start();
  await done.promise;
  await worker.stop();
  assert.deepEqual(written, [
    "1 paused for 60000: no room",
    "2 paused for 60000: no room",
    "3 FAILED: no room (still after 2 pauses)",
  ]);
  assert.deepEqual(counted, ["paused", "paused", "ended"]);
});

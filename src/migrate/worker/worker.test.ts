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
    metrics: { ended: () => undefined },
  });
  worker.start();
  await begun.promise;
  clock.advance(LEASE_MS);
  assert.ok((await ended.promise) < LEASE_MS);
  await worker.stop();
  // The job is another worker's by now.
  assert.deepEqual(written, []);
});

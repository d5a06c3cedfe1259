import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleJob } from "../../../test/support/migration-job.ts";
import { Metrics } from "../../base/metrics.ts";
import type { JobResult } from "../model.ts";
import { workerMetrics } from "./metrics.ts";

const RESULT: JobResult = {
  status: "SUCCESS",
  details: [],
  syncMessageCount: 5,
  expungedMessageCount: 0,
  syncSpeed: 0,
};

test("workerMetrics: jobs and messages by phase and status, their time, those that run", async () => {
  const metrics = new Metrics();
  const worker = workerMetrics(metrics.room("migrate"), () => 3);
  const preSync = sampleJob();
  const cutover = sampleJob({}, { phase: "CUTOVER" });
  worker.ended(preSync, RESULT, 0.5);
  worker.ended(preSync, { ...RESULT, status: "FAILED", syncMessageCount: 2 }, 0.5);
  worker.ended(cutover, RESULT, 2);
  worker.paused(cutover, { ...RESULT, status: "FAILED", syncMessageCount: 1 });
  const text = await metrics.text();
  for (const line of [
    'rookery_migrate_jobs_total{phase="PRE_SYNC",status="SUCCESS"} 1',
    'rookery_migrate_jobs_total{phase="PRE_SYNC",status="FAILED"} 1',
    'rookery_migrate_jobs_total{phase="CUTOVER",status="SUCCESS"} 1',
    'rookery_migrate_messages_total{phase="PRE_SYNC"} 7',
    'rookery_migrate_messages_total{phase="CUTOVER"} 6',
    'rookery_migrate_pauses_total{phase="CUTOVER"} 1',
    'rookery_migrate_job_seconds_sum{phase="CUTOVER"} 2',
    "rookery_migrate_running_jobs 3",
  ]) {
    assert.ok(text.split("\n").includes(line), line);
  }
});

import type { RoomMetrics } from "../../base/metrics.ts";
import type { JobResult, MigrationJob } from "../model.ts";

export interface WorkerMetrics {
  ended(job: MigrationJob, result: JobResult, seconds: number): void;
  /** It went back into the queue until what stands in its way has passed. */
  paused(job: MigrationJob, result: JobResult): void;
}

export function workerMetrics(room: RoomMetrics, running: () => number): WorkerMetrics {
  room.gauge("running_jobs", "Migrations that run in this worker.", running);
  const jobs = room.counter("jobs_total", "Migrations that ended.", ["phase", "status"]);
  const pauses = room.counter(
    "pauses_total",
    "Migrations that went back into the queue, since the target had no room.",
    ["phase"],
  );
  const messages = room.counter("messages_total", "Messages that were stored at the target.", ["phase"]);
  const took = room.histogram("job_seconds", "Time from the begin of a migration to its end.", ["phase"]);
  return {
    ended({ phase }, { status, syncMessageCount }, seconds) {
      jobs.inc({ phase, status });
      messages.inc({ phase }, syncMessageCount);
      took.observe({ phase }, seconds);
    },
    paused({ phase }, { syncMessageCount }) {
      pauses.inc({ phase });
      messages.inc({ phase }, syncMessageCount);
    },
  };
}

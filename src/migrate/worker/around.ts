/**
 * What every migration has around it, whatever engine moves the mail:
 *
 *     a cutover is refused while messages are known to be missing → pre hooks → engine → post hooks, or failure hooks
 *
 * Failure hooks all run: one of them may be what unlocks the user. A dry run has none of them (S4.45).
 */
import { CommandError } from "../command/command.ts";
import { type Hook, runHooks } from "../command/hook.ts";
import type { PhaseHooks, WorkerCommands } from "../command/options.ts";
import { CommandSteps } from "../command/steps.ts";
import { type UserLog, type UserLogOptions, withUserLog } from "../command/user-log.ts";
import type { JobResult, MigrationJob } from "../model.ts";
import type { AroundContext } from "./worker.ts";

export interface AroundOptions {
  readonly commands: WorkerCommands;
  readonly userLog: UserLogOptions | undefined;
  /** Why the user may not be cut over now; undefined = he may. */
  readonly cutoverRefusal: (job: MigrationJob) => Promise<string | undefined>;
}

export async function runWithHooks(
  options: AroundOptions,
  job: MigrationJob,
  context: AroundContext,
  run: () => Promise<JobResult>,
): Promise<JobResult> {
  const logged = (work: (userLog: UserLog) => Promise<JobResult>): Promise<JobResult> =>
    withUserLog(options.userLog, job.user, work);
  if (job.phase === "ROLLBACK") return await logged((userLog) => rollBack(options, job, context, userLog));
  if (job.dryRun) return run();
  const refusal = job.phase === "CUTOVER" ? await options.cutoverRefusal(job) : undefined;
  if (refusal !== undefined) return failed(refusal);
  const hooks = options.commands.phases[job.phase];
  const { pre, post, failure } = hooks;
  if (pre.length + post.length + failure.length === 0) return run();
  return await logged((userLog) => aroundHooks(options, hooks, job, context, userLog, run));
}

async function aroundHooks(
  options: AroundOptions,
  { pre, post, failure }: PhaseHooks,
  job: MigrationJob,
  { signal, clock, log, isHeld }: AroundContext,
  userLog: UserLog,
  run: () => Promise<JobResult>,
): Promise<JobResult> {
  // Hooks are not cut off with the job: a lock that was begun is finished, and then undone.
  const uncut = new AbortController().signal;
  const newSteps = (): CommandSteps =>
    new CommandSteps(job, options.commands.conf(job.user.source), {
      context: { signal: uncut, log },
      userLog,
    });
  const before = newSteps();
  const after = newSteps();
  const call = (operation: string, hooks: readonly Hook[], steps: CommandSteps): Promise<void> =>
    runHooks(operation, hooks, { steps, properties: steps.properties, clock, signal: uncut });

  let result: JobResult | undefined;
  try {
    await call("pre command", pre, before);
    result = signal.aborted ? { ...failed("stopped"), status: "ABORTED" } : await run();
    if (result.status === "SUCCESS") await call("post command", post, after);
  } catch (error) {
    if (!(error instanceof CommandError)) {
      await undo();
      throw error;
    }
    // The mail may be copied already: what was counted stays in the record.
    result = { ...(result ?? failed("")), status: "FAILED", error: error.message };
  }
  if (result.status !== "SUCCESS") await undo();
  return { ...result, details: [...before.details, ...result.details, ...after.details] };

  async function undo(): Promise<void> {
    // Another worker has the job by now, and with it the user's lock.
    if (!isHeld()) return;
    for (const hook of failure) {
      try {
        await call("failure command", [hook], after);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        log.warn("failure command failed", { error: error.message });
      }
    }
  }
}

/** Nothing is copied back: mail that came to the target since is copied by whoever wants it at the source. */
async function rollBack(
  options: AroundOptions,
  job: MigrationJob,
  { clock, log }: AroundContext,
  userLog: UserLog,
): Promise<JobResult> {
  const { rollback } = options.commands.phases.CUTOVER;
  if (rollback.length === 0) {
    return failed("no way back is configured: dmf.worker.command.cutover.rollback in the worker's commands");
  }
  const { signal } = new AbortController();
  const steps = new CommandSteps(job, options.commands.conf(job.user.source), {
    context: { signal, log },
    userLog,
  });
  try {
    await runHooks("rollback command", rollback, { steps, properties: steps.properties, clock, signal });
    return { ...NOTHING, status: "SUCCESS", details: steps.details };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { ...failed(error.message), details: steps.details };
  }
}

const NOTHING = { details: [], syncMessageCount: 0, expungedMessageCount: 0, syncSpeed: 0 };

function failed(error: string): JobResult {
  return { ...NOTHING, status: "FAILED", error };
}

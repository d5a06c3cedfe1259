/**
 * The command engine: what the Dovecot Migration Framework's worker does with `doveadm backup` and friends.
 *
 *     count target → migrate (again after exit code 75) → count target → count source
 *
 * Passwords are `<hidden>` in everything recorded. A dry run counts and shows the command; it does not run it.
 */
import type { Engine, EngineContext } from "../engine.ts";
import type { JobResult, MigrationJob } from "../model.ts";
import { type Command, CommandError, readCommand } from "./command.ts";
import type { WorkerCommands } from "./options.ts";
import { type MailboxCounts, type OutputReader, sumMailboxStatus } from "./output.ts";
import type { RunResult } from "./run.ts";
import { CommandSteps, lastLines } from "./steps.ts";
import { type UserLogOptions, withUserLog } from "./user-log.ts";

export interface CommandEngineOptions {
  readonly commands: WorkerCommands;
  /** Attempts while the command says EX_TEMPFAIL. */
  readonly maxAttempts: number;
  readonly retryAfterMs: number;
  readonly userLog: UserLogOptions | undefined;
}

/** EX_TEMPFAIL of sysexits.h: doveadm could not connect, or the mailbox changed meanwhile. */
const TEMPORARY = 75;
/** SIGABRT: where a source refuses connections doveadm panics instead (Dovecot 2.3.19, observed). */
const ABORTED = 134;
/** The dummy that says: the worker's own configuration has the command (S4.23). */
const DUMMY = "ignore";

export class CommandEngine implements Engine {
  readonly name = "command";
  readonly #options: CommandEngineOptions;

  constructor(options: CommandEngineOptions) {
    this.#options = options;
  }

  async run(job: MigrationJob, context: EngineContext): Promise<JobResult> {
    const { userLog: settings, commands } = this.#options;
    return await withUserLog(settings, job.user, async (userLog) => {
      const steps = new CommandSteps(job, commands.conf(job.user.source), { context, userLog });
      return await new CommandRun(job, context, this.#options, steps).run();
    });
  }
}

/** Does the source host bring its own command, or say that the worker has it? Then the command engine is meant. */
export function wantsCommands(job: MigrationJob): boolean {
  return job.host.migrationCommand1 !== "";
}

class CommandRun {
  readonly #job: MigrationJob;
  readonly #context: EngineContext;
  readonly #options: CommandEngineOptions;
  readonly #steps: CommandSteps;
  #copyMs = 0;
  #saved = 0;
  #expunged = 0;

  constructor(job: MigrationJob, context: EngineContext, options: CommandEngineOptions, steps: CommandSteps) {
    this.#job = job;
    this.#context = context;
    this.#options = options;
    this.#steps = steps;
  }

  async run(): Promise<JobResult> {
    try {
      const before = await this.#count("count local mailbox pre sync", this.#localStatus());
      await this.#migrate();
      const target = await this.#count("count local mailbox post sync", this.#localStatus());
      const source = await this.#count("count remote mailbox", this.#sourceStatus());
      if (this.#saved === 0 && before !== undefined && target !== undefined) {
        // No mail_log plugin: what the target grew by.
        this.#saved = Math.max(0, target.messages - before.messages);
      }
      return {
        ...this.#result("SUCCESS"),
        ...(source && { sourceMessageCount: source.messages, sourceMailboxSize: source.sizeBytes }),
        ...(target && { targetMessageCount: target.messages, targetMailboxSize: target.sizeBytes }),
      };
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const status = this.#context.signal.aborted ? "ABORTED" : "FAILED";
      return { ...this.#result(status), error: error.message };
    }
  }

  #result(status: JobResult["status"]): JobResult {
    return {
      status,
      details: this.#steps.details,
      syncMessageCount: this.#saved,
      expungedMessageCount: this.#expunged,
      syncSpeed: Math.round(this.#copyMs),
    };
  }

  /** @throws CommandError */
  async #migrate(): Promise<void> {
    const prepared = this.#steps.prepare("dsync", this.#migrationCommand());
    const { printed } = prepared.argv;
    if (this.#job.dryRun) {
      this.#steps.details.push({ operation: "dry run", success: true, command: printed, exitCode: 0 });
      return;
    }
    const { maxAttempts, retryAfterMs } = this.#options;
    const { clock, signal } = this.#context;
    const startedAtMs = clock.monotonicMs();
    let attempts = 0;
    let result: RunResult;
    do {
      attempts += 1;
      if (attempts > 1) await this.#sleep(retryAfterMs);
      result = await this.#steps.execute(prepared);
      for (const count of result.output.saved.values()) this.#saved += count;
      this.#expunged += result.output.expunged;
    } while (isTemporary(result.exitCode) && attempts < maxAttempts && !signal.aborted);
    this.#copyMs = clock.monotonicMs() - startedAtMs;
    const { output, exitCode } = result;
    const success = exitCode === prepared.successCode;
    const errors = success ? [] : describeFailure(exitCode, attempts, output);
    this.#steps.details.push({
      operation: "dsync",
      success,
      command: printed,
      exitCode,
      attempts,
      ...(success ? {} : { errors }),
      ...(output.saved.size > 0 && { saved: Object.fromEntries(output.saved) }),
      ...(output.expunged > 0 && { expunged: output.expunged }),
    });
    if (!success) throw new CommandError(errors.join("; "));
  }

  /** Counting never fails a migration: what cannot be counted is left out. */
  async #count(operation: string, command: Command | undefined): Promise<MailboxCounts | undefined> {
    if (command === undefined || this.#context.signal.aborted) return undefined;
    const { success, stdout } = await this.#steps.run(operation, command);
    return success ? sumMailboxStatus(stdout) : undefined;
  }

  #migrationCommand(): Command {
    const { host, phase } = this.#job;
    const { migration1, migration2 } = this.#options.commands;
    const first = hostCommand(host.migrationCommand1) ?? migration1;
    const second = hostCommand(host.migrationCommand2) ?? migration2;
    const chosen = phase === "CUTOVER" ? (second ?? first) : first;
    if (chosen === undefined) {
      throw new CommandError(
        `no migration command: give the source host "${host.name}" one, or set dmf.worker.command.migration1 in the worker's commands`,
      );
    }
    return chosen;
  }

  #sourceStatus(): Command | undefined {
    return hostCommand(this.#job.host.statusCommand) ?? this.#options.commands.status;
  }

  #localStatus(): Command | undefined {
    const { localStatus } = this.#options.commands;
    if (localStatus !== undefined) return localStatus;
    const { name, options } = this.#migrationCommand();
    if (!/(?:^|\/)doveadm$/.test(name)) return undefined;
    // S4.38: what the framework asks of its own side when nothing else is said.
    return readCommand({
      name,
      options: [...options.filter((option) => option.name === "-c"), { name: "-f", value: "tab" }],
      subCommand: {
        name: "mailbox",
        subCommand: {
          name: "status",
          options: [{ name: "-u", value: this.#job.user.targetUid }],
          arguments: ["messages vsize", "INBOX/*", "INBOX", "*"],
        },
      },
    });
  }

  #sleep(ms: number): Promise<void> {
    const { clock, signal } = this.#context;
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener("abort", done);
        timer.cancel();
        resolve();
      };
      const timer = clock.setTimer(ms, done);
      signal.addEventListener("abort", done, { once: true });
    });
  }
}

/** A source host's command as stored (JSON); undefined for none and for the dummy. @throws CommandError */
function hostCommand(json: string): Command | undefined {
  if (json === "") return undefined;
  const command = readCommand(JSON.parse(json));
  const words = command.flags.length + command.options.length + command.arguments.length;
  return words === 0 && command.subCommand === undefined && command.name === DUMMY ? undefined : command;
}

function isTemporary(exitCode: number): boolean {
  return exitCode === TEMPORARY || exitCode === ABORTED;
}

function describeFailure(exitCode: number, attempts: number, output: OutputReader): string[] {
  const first = isTemporary(exitCode)
    ? `Dsync failed with return code ${exitCode} after ${attempts} attempts. Reason: Temporary failure. Hint: Re-running the migration at a later time will usually resolve this`
    : `Dsync failed with return code ${exitCode}.`;
  return [first, ...lastLines(output)];
}

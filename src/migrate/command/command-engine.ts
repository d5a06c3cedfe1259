/**
 * The command engine: what the Dovecot Migration Framework's worker does with `doveadm backup` and friends.
 *
 *     pre commands → count target → migrate (again after exit code 75) → count target → count source → post commands
 *
 * A failed pre command or migration runs the failure commands. Passwords are `<hidden>` in everything recorded.
 */
import type { Engine, EngineContext } from "../engine.ts";
import type { JobDetail, JobResult, MigrationJob } from "../model.ts";
import { type Argv, toArgv } from "./argv.ts";
import { type Command, CommandError, innermost, readCommand } from "./command.ts";
import { inject, type Properties, userProperties } from "./inject.ts";
import type { WorkerCommands } from "./options.ts";
import { type MailboxCounts, type OutputReader, sumMailboxStatus } from "./output.ts";
import { type RunResult, runCommand } from "./run.ts";
import { NO_USER_LOG, openUserLog, type UserLog, type UserLogOptions } from "./user-log.ts";

export interface CommandEngineOptions {
  readonly commands: WorkerCommands;
  /** Attempts while the command says EX_TEMPFAIL. */
  readonly maxAttempts: number;
  readonly retryAfterMs: number;
  readonly userLog: UserLogOptions | undefined;
}

/** EX_TEMPFAIL of sysexits.h: doveadm could not connect, or the mailbox changed meanwhile. */
const TEMPORARY = 75;
/** The dummy that says: the worker's own configuration has the command (S4.23). */
const DUMMY = "ignore";

export class CommandEngine implements Engine {
  readonly name = "command";
  readonly #options: CommandEngineOptions;

  constructor(options: CommandEngineOptions) {
    this.#options = options;
  }

  async run(job: MigrationJob, context: EngineContext): Promise<JobResult> {
    const { userLog } = this.#options;
    const log = userLog === undefined ? NO_USER_LOG : openUserLog(userLog, job.user);
    try {
      return await new CommandRun(job, context, this.#options, log).run();
    } finally {
      log.close();
    }
  }
}

class CommandRun {
  readonly #job: MigrationJob;
  readonly #context: EngineContext;
  readonly #options: CommandEngineOptions;
  readonly #log: UserLog;
  readonly #properties: Properties;
  readonly #details: JobDetail[] = [];
  #copyMs = 0;
  #saved = 0;
  #expunged = 0;

  constructor(job: MigrationJob, context: EngineContext, options: CommandEngineOptions, log: UserLog) {
    this.#job = job;
    this.#context = context;
    this.#options = options;
    this.#log = log;
    this.#properties = {
      mdb: userProperties(job),
      conf: options.commands.conf(job.user.source),
      excludeFolders: job.user.excludeFolders,
    };
  }

  async run(): Promise<JobResult> {
    const { commands } = this.#options;
    const phase = commands.phases[this.#job.phase];
    try {
      for (const command of phase.pre) await this.#step("pre command", command);
      const before = await this.#count("count local mailbox pre sync", this.#localStatus());
      await this.#migrate();
      const target = await this.#count("count local mailbox post sync", this.#localStatus());
      const source = await this.#count("count remote mailbox", this.#sourceStatus());
      for (const command of phase.post) await this.#step("post command", command);
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
      const failed = this.#result(this.#context.signal.aborted ? "ABORTED" : "FAILED");
      await this.#runFailureCommands(phase.failure);
      return { ...failed, details: this.#details, error: error.message };
    }
  }

  #result(status: JobResult["status"]): JobResult {
    return {
      status,
      details: this.#details,
      syncMessageCount: this.#saved,
      expungedMessageCount: this.#expunged,
      syncSpeed: Math.round(this.#copyMs),
    };
  }

  /** @throws CommandError */
  async #migrate(): Promise<void> {
    const argv = this.#prepare("dsync", this.#migrationCommand());
    const { maxAttempts, retryAfterMs } = this.#options;
    const { clock, signal } = this.#context;
    const startedAtMs = clock.monotonicMs();
    let attempts = 0;
    let result: RunResult;
    do {
      attempts += 1;
      if (attempts > 1) await this.#sleep(retryAfterMs);
      result = await this.#execute(argv.argv);
      for (const count of result.output.saved.values()) this.#saved += count;
      this.#expunged += result.output.expunged;
    } while (result.exitCode === TEMPORARY && attempts < maxAttempts && !signal.aborted);
    this.#copyMs = clock.monotonicMs() - startedAtMs;
    const { output, exitCode } = result;
    const success = exitCode === argv.successCode;
    const errors = success ? [] : describeFailure(exitCode, attempts, output);
    this.#details.push({
      operation: "dsync",
      success,
      command: argv.argv.printed,
      exitCode,
      attempts,
      ...(success ? {} : { errors }),
      ...(output.saved.size > 0 && { saved: Object.fromEntries(output.saved) }),
      ...(output.expunged > 0 && { expunged: output.expunged }),
    });
    if (!success) throw new CommandError(errors.join("; "));
  }

  async #step(operation: string, command: Command): Promise<void> {
    const { argv, successCode } = this.#prepare(operation, command);
    const { exitCode, output } = await this.#execute(argv);
    const success = exitCode === successCode;
    this.#details.push({
      operation,
      success,
      command: argv.printed,
      exitCode,
      ...(success ? {} : { errors: lastLines(output) }),
    });
    if (!success) throw new CommandError(`${operation} failed with return code ${exitCode}`);
  }

  /** Counting never fails a migration: what cannot be counted is left out. */
  async #count(operation: string, command: Command | undefined): Promise<MailboxCounts | undefined> {
    if (command === undefined || this.#context.signal.aborted) return undefined;
    const { argv, successCode } = this.#prepare(operation, command);
    const { exitCode, output, stdout } = await this.#execute(argv);
    const success = exitCode === successCode;
    this.#details.push({
      operation,
      success,
      command: argv.printed,
      exitCode,
      ...(success ? {} : { errors: lastLines(output) }),
    });
    return success ? sumMailboxStatus(stdout) : undefined;
  }

  async #runFailureCommands(commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      try {
        await this.#step("failure command", command);
      } catch (error) {
        // The others still run: one of them may be what unlocks the user.
        if (!(error instanceof CommandError)) throw error;
        this.#context.log.warn("failure command failed", { error: error.message });
      }
    }
  }

  #migrationCommand(): Command {
    const { host, phase } = this.#job;
    const { migration1, migration2 } = this.#options.commands;
    const first = hostCommand(host.migrationCommand1) ?? migration1;
    const chosen = phase === "CUTOVER" ? (hostCommand(host.migrationCommand2) ?? migration2 ?? first) : first;
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
    const migration = this.#migrationCommand();
    if (!/(?:^|\/)doveadm$/.test(migration.name)) return undefined;
    // S4.38: what the framework asks of its own side when nothing else is said.
    return readCommand({
      name: migration.name,
      options: [...migration.options.filter(({ name }) => name === "-c"), { name: "-f", value: "tab" }],
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

  #prepare(operation: string, command: Command): { argv: Argv; successCode: number } {
    try {
      const filled = inject(command, this.#properties);
      const successCode = command.successCode === 0 ? innermost(command).successCode : command.successCode;
      return { argv: toArgv(filled), successCode };
    } catch (error) {
      if (error instanceof CommandError) {
        this.#details.push({
          operation,
          success: false,
          command: command.name,
          exitCode: -1,
          errors: [error.message],
        });
      }
      throw error;
    }
  }

  async #execute(argv: Argv): Promise<RunResult> {
    const { signal, log } = this.#context;
    log.debug("command", { command: argv.printed });
    this.#log.line(`$ ${argv.printed}`);
    const result = await runCommand(argv, { signal, onLine: (line) => this.#log.line(line) });
    this.#log.line(`exit code ${result.exitCode}`);
    return result;
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
  const bare =
    command.flags.length + command.options.length + command.arguments.length === 0 &&
    command.subCommand === undefined;
  return bare && command.name === DUMMY ? undefined : command;
}

function describeFailure(exitCode: number, attempts: number, output: OutputReader): string[] {
  const first =
    exitCode === TEMPORARY
      ? `Dsync failed with return code 75 after ${attempts} attempts. Reason: Temporary failure. Hint: Re-running the migration at a later time will usually resolve this`
      : `Dsync failed with return code ${exitCode}.`;
  return [first, ...lastLines(output)];
}

function lastLines(output: OutputReader): string[] {
  const last = output.lastError ?? output.lines.at(-1);
  return last === undefined ? [] : [last];
}

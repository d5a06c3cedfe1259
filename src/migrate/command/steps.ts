/** The commands of one job, one after the other, each leaving a detail in the record. */
import type { EngineContext } from "../engine.ts";
import type { JobDetail, MigrationJob } from "../model.ts";
import { type Argv, toArgv } from "./argv.ts";
import { type Command, CommandError, innermost } from "./command.ts";
import { inject, type Properties, userProperties } from "./inject.ts";
import type { OutputReader } from "./output.ts";
import { type RunResult, runCommand } from "./run.ts";
import type { UserLog } from "./user-log.ts";
import { isDoveadm, secretVariables } from "./visible-secrets.ts";

export type StepContext = Pick<EngineContext, "signal" | "log">;

export interface PreparedCommand {
  readonly argv: Argv;
  readonly successCode: number;
}

export class CommandSteps {
  readonly details: JobDetail[] = [];
  readonly #context: StepContext;
  readonly properties: Properties;
  readonly #log: UserLog;

  constructor(
    job: MigrationJob,
    conf: ReadonlyMap<string, string>,
    ports: { readonly context: StepContext; readonly userLog: UserLog },
  ) {
    this.#context = ports.context;
    this.#log = ports.userLog;
    this.properties = { mdb: userProperties(job), conf, excludeFolders: job.user.excludeFolders };
  }

  /** Properties filled in, doveadm's rules applied. @throws CommandError, with a detail that says why */
  prepare(operation: string, command: Command): PreparedCommand {
    try {
      const argv = toArgv(inject(command, this.properties), secretsOf(this.properties));
      return {
        argv,
        successCode: command.successCode === 0 ? innermost(command).successCode : command.successCode,
      };
    } catch (error) {
      if (error instanceof CommandError) {
        const errors = [error.message];
        this.details.push({ operation, success: false, command: command.name, exitCode: -1, errors });
      }
      throw error;
    }
  }

  async execute({ argv }: PreparedCommand): Promise<RunResult> {
    const { signal, log } = this.#context;
    log.debug("command", { command: argv.printed });
    this.#log.line(`$ ${argv.printed}`);
    const result = await runCommand(argv, {
      // doveadm has them in a file, and what it starts has no use for them.
      environment: isDoveadm({ name: argv.program }) ? {} : secretVariables(this.properties),
      signal,
      onLine: (line) => this.#log.line(line),
    });
    this.#log.line(`exit code ${result.exitCode}`);
    return result;
  }

  /** Runs a command and records it; answers its output when it succeeded. @throws CommandError when it cannot be prepared */
  async run(operation: string, command: Command): Promise<RunResult & { readonly success: boolean }> {
    const prepared = this.prepare(operation, command);
    const result = await this.execute(prepared);
    const success = result.exitCode === prepared.successCode;
    this.details.push({
      operation,
      success,
      command: prepared.argv.printed,
      exitCode: result.exitCode,
      ...(success ? {} : { errors: lastLines(result.output) }),
    });
    return { ...result, success };
  }
}

/** What says best why a command failed. */
export function lastLines(output: OutputReader): string[] {
  const last = output.lastError ?? output.lines.at(-1);
  return last === undefined ? [] : [last];
}

/** The user's password, and what the source's settings call a password or a secret; longest first. */
function secretsOf({ mdb, conf }: Properties): string[] {
  const named = [...conf].filter(([key]) => /passw|secret/i.test(key)).map(([, value]) => value);
  return [mdb.get("sourcepasswd") ?? "", ...named]
    .filter((secret) => secret !== "")
    .toSorted((a, b) => b.length - a.length);
}

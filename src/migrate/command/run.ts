/** Runs one command; its output is read as it comes and never kept whole. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { Argv } from "./argv.ts";
import { OutputReader } from "./output.ts";
import { writeSecretSettings } from "./secret-settings.ts";

export interface RunResult {
  /** 128 + signal for a killed one, 127 when it could not be started. */
  readonly exitCode: number;
  readonly output: OutputReader;
  /** Standard output, for status commands; cut at MAX_STDOUT_BYTES. */
  readonly stdout: string;
}

export interface RunOptions {
  /** Added to the environment: passwords (`visible-secrets.ts`). */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Every line of both outputs as it comes: the user's log file. */
  readonly onLine: (line: string) => void;
}

/** A status table of 10,000 mailboxes fits. */
const MAX_STDOUT_BYTES = 4 * 1024 * 1024;
/** A command that does not end by SIGTERM gets SIGKILL. */
const KILL_AFTER_MS = 10_000;

export async function runCommand(
  argv: Argv,
  { environment, signal, onLine }: RunOptions,
): Promise<RunResult> {
  const secrets = writeSecretSettings(argv.secretSettings, argv.configFile);
  try {
    return await new Promise<RunResult>((resolve) => {
      const output = new OutputReader(onLine);
      let stdout = "";
      const child = spawn(argv.program, [...secrets.arguments, ...argv.arguments], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...environment },
        // Its own group, so that what it starts ends with it.
        detached: true,
      });
      const kill = (name: NodeJS.Signals): void => {
        if (child.pid === undefined) return;
        try {
          process.kill(-child.pid, name);
        } catch {
          // Ended in the meantime.
        }
      };
      let force: NodeJS.Timeout | undefined;
      const stop = (): void => {
        kill("SIGTERM");
        force = setTimeout(() => kill("SIGKILL"), KILL_AFTER_MS);
      };
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop, { once: true });
      const finish = (exitCode: number): void => {
        signal.removeEventListener("abort", stop);
        clearTimeout(force);
        output.end();
        resolve({ exitCode, output, stdout });
      };
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        if (stdout.length < MAX_STDOUT_BYTES) stdout += chunk;
        output.push(chunk);
      });
      child.stderr.setEncoding("utf8").on("data", (chunk: string) => output.push(chunk));
      child.once("error", (error) => {
        output.push(`Error: could not run ${argv.program}: ${error.message}\n`);
        finish(127);
      });
      child.once("close", (code, killedBy) =>
        finish(code ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy])),
      );
    });
  } finally {
    secrets.remove();
  }
}

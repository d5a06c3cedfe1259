/** Runs the command line as an operator would, in a process of its own. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../src/main/cli.ts", import.meta.url));

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly input?: string | Buffer;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** The path of the program, for tests that start it themselves. */
export const cliPath = CLI;

/** Only what a command needs: variables of the machine that runs the tests must not change them. */
export function cliEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = "", HOME = "", NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }), ...more };
}

export function runCli(argv: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [CLI, ...argv],
      { cwd: options.cwd, env: cliEnvironment(options.environment), maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ exitCode, stdout, stderr });
      },
    );
    child.stdin?.end(options.input ?? "");
  });
}

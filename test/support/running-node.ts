/** A node started with `rookery up --json` in a process of its own, on ports that the kernel chose. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { SERVICES } from "../../src/main/endpoint.ts";
import { cliEnvironment, cliPath } from "./run-cli.ts";

export interface UpAnswer {
  readonly endpoints: Readonly<Record<string, { host: string; port: number; tls: boolean }>>;
  readonly accounts: readonly { user: string; password: string | null }[];
}

export interface RunningNode {
  readonly answer: UpAnswer;
  readonly child: ChildProcess;
  /** Every line on standard output so far; `up --json` prints exactly one. */
  readonly lines: readonly string[];
  /** Every line of the log so far. */
  readonly log: readonly string[];
  endpoint(name: string): { host: string; port: number; tls: boolean };
  /** Sends SIGTERM; resolves with the exit code when the process has ended. */
  stop(): Promise<number | null>;
}

/** `nodeArguments` = of Node itself. */
export function startUp(
  dataFolder: string,
  argv: readonly string[] = [],
  nodeArguments: readonly string[] = [],
): Promise<RunningNode> {
  return start(["up", "--data", dataFolder, "--port-base", "0", "--json", ...argv], nodeArguments);
}

/** A node without demo users and mail: `rookery serve`; `settings` as in `--set`. Services are off unless set. */
export function startServe(
  dataFolder: string,
  settings: readonly string[],
  nodeArguments: readonly string[] = [],
): Promise<RunningNode> {
  const services = SERVICES.map(({ name }) => name);
  const off = services
    .filter((service) => !settings.some((setting) => setting.startsWith(`listen.${service}=`)))
    .map((service) => `listen.${service}=`);
  const words = [...off, ...settings].flatMap((setting) => ["--set", setting]);
  return start(["serve", "--data", dataFolder, "--json", ...words], nodeArguments);
}

async function start(words: readonly string[], nodeArguments: readonly string[] = []): Promise<RunningNode> {
  const child = spawn(process.execPath, [...nodeArguments, cliPath, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
    env: cliEnvironment(),
  });
  const log: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  const exited = once(child, "exit");
  await Promise.race([once(reader, "line"), exited]);
  assert.equal(child.exitCode, null, `${words[0]} ended before it was ready:\n${log.join("\n")}`);
  const answer = JSON.parse(lines[0] ?? "") as UpAnswer;
  return {
    answer,
    child,
    lines,
    log,
    endpoint(name) {
      const endpoint = answer.endpoints[name];
      assert.ok(endpoint !== undefined, `no endpoint ${name}`);
      return endpoint;
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await exited;
      }
      return child.exitCode;
    },
  };
}

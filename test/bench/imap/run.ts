/**
 * The benchmark of the store: the same load on Dovecot 2.3 (mdbox), Cyrus 3.6.1 and Rookery in alternation, in the clear
 * on loopback, each with its default durability. The load comes from a process of its own.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Job, JobAnswer } from "./load-client.ts";
import { processUse } from "./process-use.ts";
import { type Measured, rowLines } from "./report.ts";
import type { Sample } from "./sample.ts";
import type { Scenario, Size } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";
import { type Server, starters, SYNCING_DOVECOT } from "./servers.ts";

export interface ImapBenchOptions {
  /** Rows; all when empty. A row also stands for those that start with it and a dash. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly small: boolean;
  /** Servers; all when empty. */
  readonly servers: readonly string[];
  readonly profileFolder?: string;
  readonly compareWith?: string;
}

const USERS = ["big", ...Array.from({ length: 63 }, (_, index) => `u${index + 1}`)];
const FULL: Size = {
  durationMs: 2000,
  bigMessages: 100_000,
  manyMessages: 10_000,
  idleConnections: 5000,
  idleConnectionsOfPeers: 100,
};
const REDUCED: Size = {
  durationMs: 500,
  bigMessages: 5000,
  manyMessages: 1000,
  idleConnections: 500,
  idleConnectionsOfPeers: 30,
};
/** What a server still does after a run (closing processes, checkpoints) should not fall into the next one's. */
const SETTLE_MS = 150;

type Outcome = Measured | { readonly error: string };

export async function runImapBench(options: ImapBenchOptions): Promise<void> {
  const chosen = scenarios.filter(
    ({ row }) =>
      options.only.length === 0 || options.only.some((only) => row === only || row.startsWith(`${only}-`)),
  );
  if (chosen.length === 0) {
    throw new Error(`no such row; there are ${scenarios.map(({ row }) => row).join(", ")}`);
  }
  const size = options.small ? REDUCED : FULL;
  const folder = mkdtempSync(join(tmpdir(), "rookery-bench-"));
  // The peers' processes run as other users.
  chmodSync(folder, 0o755);
  const servers: Server[] = [];
  const load = await startLoad();
  try {
    for (const [name, start] of Object.entries(starters)) {
      const { profileFolder, compareWith } = options;
      if (options.servers.length > 0 && !options.servers.includes(name)) continue;
      if (name === SYNCING_DOVECOT && !options.servers.includes(name)) continue;
      if (name === "before" && compareWith === undefined) continue;
      servers.push(
        await start({
          folder,
          users: USERS,
          ...(profileFolder === undefined ? {} : { profileFolder }),
          ...(compareWith === undefined ? {} : { compareWith }),
        }),
      );
    }
    console.log(machineLine(options, size));
    for (const scenario of chosen) {
      const results = await measureRow(scenario, servers, load, size, options.rounds);
      for (const line of rowLines(scenario, results)) console.log(line);
    }
    console.log(`load at the end ${loadavg()[0]?.toFixed(1)}`);
  } finally {
    load.kill();
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startLoad(): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, "load-client.ts"));
  await once(child, "message");
  return child;
}

/** A first round that does not count, then the rounds, each with all servers in turn. */
async function measureRow(
  scenario: Scenario,
  servers: readonly Server[],
  load: ChildProcess,
  size: Size,
  rounds: number,
): Promise<Map<string, Outcome[]>> {
  const results = new Map<string, Outcome[]>(servers.map(({ target }) => [target.name, []]));
  const broken = new Set<Server>();
  const failed = (server: Server, error: string): void => {
    broken.add(server);
    results.get(server.target.name)?.push({ error });
  };
  for (const server of servers) {
    const answer = await ask(load, server, scenario, "setUp", size);
    if ("error" in answer) failed(server, answer.error);
  }
  // Memory of connections is measured on a server that has not had them yet.
  const warmUps = scenario.shows === "memory" ? 0 : 1;
  const counted = scenario.shows === "memory" ? 1 : rounds;
  for (let round = -warmUps; round < counted; round++) {
    for (const server of servers) {
      if (broken.has(server)) continue;
      const outcome = await measureOnce(scenario, server, load, size);
      if ("error" in outcome) failed(server, outcome.error);
      else if (round >= 0) results.get(server.target.name)?.push(outcome);
    }
  }
  return results;
}

async function measureOnce(
  scenario: Scenario,
  server: Server,
  load: ChildProcess,
  size: Size,
): Promise<Outcome> {
  const prepared = await ask(load, server, scenario, "before", size);
  if ("error" in prepared) return prepared;
  await sleep(SETTLE_MS);
  await server.loopDelayMs?.();
  const before = processUse(server.pid);
  const answer = await ask(load, server, scenario, "run", size);
  const after = processUse(server.pid);
  const loopDelayMs = await server.loopDelayMs?.();
  const tidied = await ask(load, server, scenario, "after", size);
  if ("error" in answer) return answer;
  if ("error" in tidied) return tidied;
  const sample: Sample | undefined = answer.sample;
  if (sample === undefined) return { error: "no sample" };
  return { sample, cpuMs: after.cpuMs - before.cpuMs, before, after, loopDelayMs };
}

async function ask(
  load: ChildProcess,
  { target }: Server,
  { row }: Scenario,
  phase: Job["phase"],
  size: Size,
): Promise<JobAnswer> {
  load.send({ row, phase, target, users: USERS.slice(1), size } satisfies Job);
  const ended = new AbortController();
  const answered = once(load, "message", { signal: ended.signal }) as Promise<[JobAnswer]>;
  const onExit = (): void => ended.abort(new Error("the load client ended"));
  load.once("exit", onExit);
  const [answer] = await answered;
  load.off("exit", onExit);
  return answer;
}

function machineLine({ rounds, small }: ImapBenchOptions, size: Size): string {
  const [cpu] = cpus();
  const memoryGiB = (totalmem() / 2 ** 30).toFixed(0);
  return [
    `${new Date().toISOString().slice(0, 16)}Z, ${cpus().length} × ${cpu?.model ?? "?"}, ${memoryGiB} GiB, Node ${process.version}`,
    `load ${loadavg()[0]?.toFixed(1)}, median of ${rounds} rounds after a warm-up, no TLS${small ? ", reduced counts" : ""}`,
    `big mailbox ${size.bigMessages} messages of 2 KiB; other rows 2 to 80 KiB, mean 10 KiB; Cyrus with TCP_NODELAY preloaded`,
    "first column: Rookery to the better peer, over 1 = better; < = below the goal (in brackets where it is not 1)",
  ].join("\n");
}

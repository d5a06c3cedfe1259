import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A running server of somebody else's, on loopback, with everything it has below `folder`. */
export interface Peer {
  readonly name: string;
  readonly host: string;
  /** By protocol: imap, lmtp, smtp … */
  readonly ports: Readonly<Record<string, number>>;
  readonly folder: string;
  readonly pid: number;
  /** What it wrote to its standard output and error. */
  output(): string;
  stop(): Promise<void>;
  /** Once more after `stop`, with the same folder and ports. */
  start(): Promise<void>;
}

export interface PeerProcess {
  readonly name: string;
  readonly folder: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Asks it to end in order. */
  readonly stopSignal: NodeJS.Signals;
}

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** Starts the process and waits until each of its ports takes connections. */
export async function startPeer(peer: PeerProcess): Promise<Peer> {
  const log = join(peer.folder, "output.log");
  const read = (): string => readFileSync(log, "utf8");
  let child = await spawnPeer(peer, log);
  return {
    name: peer.name,
    host: "127.0.0.1",
    ports: peer.ports,
    folder: peer.folder,
    get pid() {
      return child.pid ?? 0;
    },
    output: read,
    stop: () => stop(child, peer.stopSignal),
    async start() {
      child = await spawnPeer(peer, log);
    },
  };
}

async function spawnPeer(peer: PeerProcess, log: string): Promise<ChildProcess> {
  const output = openSync(log, "a");
  const child = spawn(peer.file, peer.args, {
    cwd: peer.folder,
    env: { ...process.env, ...peer.env },
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  // A failed start is an error event without an exit.
  let failed: Error | undefined;
  child.on("error", (error) => {
    failed = error;
  });
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  for (const [protocol, port] of Object.entries(peer.ports)) {
    while (!(await takesConnections(port))) {
      const ended = failed !== undefined || child.exitCode !== null || child.signalCode !== null;
      if (ended || performance.now() > deadlineMs) {
        await stop(child, peer.stopSignal);
        throw new Error(
          `${peer.name} has no ${protocol} on port ${port}: ${failed?.message ?? readFileSync(log, "utf8")}`,
        );
      }
      await sleep(50);
    }
  }
  return child;
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  const kill = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(kill);
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}

/** The three servers, each in a folder of its own, with the same users. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, createWriteStream, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { callNode } from "../../../src/admin/client.ts";
import { adminSocketPath } from "../../../src/admin/socket.ts";
import { startCyrus } from "../../support/peers/cyrus.ts";
import { startDovecot } from "../../support/peers/dovecot.ts";
import type { Peer } from "../../support/peers/peer.ts";
import { cliEnvironment, cliPath } from "../../support/run-cli.ts";
import { ImapClient, type Target } from "./clients.ts";

/** Dovecot with changes of flags on disk before they are answered, as Rookery does: only when it is asked for. */
export const SYNCING_DOVECOT = "dovecot-fsync";
export const PASSWORD = "benchpass";
/** Of `monitorEventLoopDelay` as prom-client starts it. */
const LOOP_INTERVAL_MS = 10;
/** Of a server's log, when it does not start. */
const QUOTED_CHARACTERS = 2000;

export interface Server {
  readonly target: Target;
  readonly pid: number;
  /** Of Rookery: `http://127.0.0.1:port`. */
  readonly httpUrl?: string;
  /** Event-loop delay p99 in milliseconds since the last call, from the server's own metrics. */
  readonly loopDelayMs?: () => Promise<number | undefined>;
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** Below it each server has its own folder. */
  readonly folder: string;
  readonly users: readonly string[];
  /** Writes CPU profiles of Rookery to this folder. */
  readonly profileFolder?: string;
  /** Another checkout of Rookery, to be measured beside this one as "before". */
  readonly compareWith?: string;
}

export const starters: Readonly<Record<string, (options: ServerOptions) => Promise<Server>>> = {
  dovecot: async ({ folder, users }) => {
    const own = ownFolder(folder, "dovecot");
    return fromPeer("dovecot", await startDovecot({ folder: own, users: passwords(users), format: "mdbox" }));
  },
  [SYNCING_DOVECOT]: async ({ folder, users }) => {
    const own = ownFolder(folder, SYNCING_DOVECOT);
    const peer = await startDovecot({
      folder: own,
      users: passwords(users),
      format: "mdbox",
      settings: "mail_fsync = always\n",
    });
    return fromPeer(SYNCING_DOVECOT, peer);
  },
  cyrus: async ({ folder, users }) => {
    const own = ownFolder(folder, "cyrus");
    const peer = await startCyrus({
      folder: own,
      users: passwords([...users, "cyrus"]),
      services: ["imap", "lmtp"],
      // Its imapd and lmtpd leave Nagle's algorithm on: small answers would wait 40 ms for an acknowledgement.
      env: { LD_PRELOAD: buildNoDelay(folder) },
    });
    const server = fromPeer("cyrus", peer);
    const admin = await ImapClient.login(server.target, "cyrus");
    for (const user of users) await admin.run(`CREATE user/${user}`);
    admin.close();
    return server;
  },
  before: (options) => startRookery(options, "before", join(options.compareWith ?? "", "src/main/cli.ts")),
  rookery: (options) => startRookery(options, "rookery", cliPath),
};

function ownFolder(folder: string, name: string): string {
  const own = join(folder, name);
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own, { recursive: true });
  return own;
}

function passwords(users: readonly string[]): Record<string, string> {
  return Object.fromEntries(users.map((user) => [user, PASSWORD]));
}

function fromPeer(name: string, peer: Peer): Server {
  return {
    target: {
      name,
      host: peer.host,
      imapPort: peer.ports["imap"] ?? 0,
      lmtpPort: peer.ports["lmtp"] ?? 0,
      addressSuffix: "",
      password: PASSWORD,
    },
    pid: peer.pid,
    stop: () => peer.stop(),
  };
}

/** A library to preload that turns Nagle's algorithm off. */
export function buildNoDelay(folder: string): string {
  const library = join(folder, "nodelay.so");
  if (!existsSync(library)) {
    const source = join(import.meta.dirname, "nodelay.c");
    execFileSync("cc", ["-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"]);
    chmodSync(library, 0o755);
  }
  return library;
}

interface UpAnswer {
  readonly endpoints: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
}

/** `rookery up` with nothing changed but the password on connections without TLS, and its log in a file. */
async function startRookery(
  { folder, users, profileFolder }: ServerOptions,
  name: string,
  cli: string,
): Promise<Server> {
  const own = ownFolder(folder, name);
  const data = join(own, "data");
  const profiling = profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
  const stretches = process.env["STRETCHES_FILE"];
  const recording =
    stretches === undefined ? [] : [`--import=${join(import.meta.dirname, "stretch-recorder.ts")}`];
  const up = ["up", "--data", data, "--port-base", "0", "--password", PASSWORD, "--json"];
  const child = spawn(process.execPath, [...profiling, ...recording, cli, ...up], {
    stdio: ["ignore", "pipe", "pipe"],
    env: cliEnvironment({
      ROOKERY_DIRECTORY_ALLOWPLAINTEXT: "yes",
      ...(stretches === undefined ? {} : { STRETCHES_FILE: stretches }),
    }),
  });
  child.stderr.pipe(createWriteStream(join(own, "log")));
  let firstWords = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (firstWords.length < QUOTED_CHARACTERS) firstWords += chunk.toString();
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const line = once(lines, "line").then((values) => String(values[0]));
  const first = await Promise.race([line, exited.then(() => undefined)]);
  if (first === undefined) throw new Error(`Rookery did not start: ${firstWords}`);
  const { endpoints } = JSON.parse(first) as UpAnswer;
  for (const user of users) {
    await callNode(adminSocketPath(data), {
      operation: "user.add",
      arguments: { name: user, password: PASSWORD },
      onRow: () => undefined,
      onProgress: () => undefined,
    });
  }
  const httpUrl = `http://127.0.0.1:${endpoints["http"]?.port ?? 0}`;
  const metrics = `${httpUrl}/metrics`;
  return {
    target: {
      name,
      host: "127.0.0.1",
      imapPort: endpoints["imap"]?.port ?? 0,
      lmtpPort: endpoints["lmtp"]?.port ?? 0,
      addressSuffix: "@example.test",
      password: PASSWORD,
    },
    httpUrl,
    pid: child.pid ?? 0,
    async loopDelayMs() {
      const text = await (await fetch(metrics)).text();
      const seconds = /^nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(text)?.[1];
      // Node counts from one tick of its own timer to the next: its interval is not delay.
      return seconds === undefined ? undefined : Math.max(0, Number(seconds) * 1000 - LOOP_INTERVAL_MS);
    },
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

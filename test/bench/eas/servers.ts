/** Rookery over its own store, Rookery as a gateway, and SOGo; the last two over one and the same Dovecot. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startDovecot } from "../../support/peers/dovecot.ts";
import type { Peer } from "../../support/peers/peer.ts";
import { SOGO_PATH, startSogo } from "../../support/peers/sogo.ts";
import { Postgres } from "../../support/postgres.ts";
import { startServe } from "../../support/running-node.ts";
import type { Target } from "../imap/clients.ts";
import { buildNoDelay, PASSWORD, starters } from "../imap/servers.ts";

export const DOMAIN = "example.test";
export const SERVER_NAMES = ["rookery", "gateway", "sogo"] as const;
/** Of SOGo, which holds a request with a process; some are left for others. */
const SOGO_HELD = 20;
const SOGO_WORKERS = SOGO_HELD + 6;
const HELD = 200;
const FIRST_SYNC_LIMIT_MS = 60_000;
const SOGO_FIRST_SYNC_LIMIT_MS = 12_000;

export interface EasServer {
  readonly name: string;
  readonly url: string;
  readonly path?: string;
  readonly keepConnections: boolean;
  /** Where the mail lies. */
  readonly target: Target;
  /** Of the gateway; then of the server that has the mail, when that is another. */
  readonly pids: readonly number[];
  readonly held: number;
  /** A held request takes a process that is there already. */
  readonly holdsByProcess: boolean;
  /** A first sync that takes longer is judged by what came until then. */
  readonly firstSyncLimitMs: number;
  /** Whose mailbox a device has in full before rows that need one. */
  readonly syncedUser: "small" | "less";
  readonly wakeUps: number;
  /** Of the rounds asked for; undefined = all. */
  readonly maxRounds?: number;
  /** How long a Ping has been held when the mail comes, in turn: one that looks now and then is met in between. */
  readonly holdsMs: readonly number[];
}

export interface EasServers {
  readonly all: readonly EasServer[];
  stop(): Promise<void>;
}

export interface EasServersOptions {
  readonly folder: string;
  readonly users: readonly string[];
  readonly names: readonly string[];
  readonly profileFolder?: string;
}

export async function startEasServers(options: EasServersOptions): Promise<EasServers> {
  const all: EasServer[] = [];
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.toReversed()) await one();
  };
  try {
    if (options.names.includes("rookery")) all.push(await startLocal(options, stops));
    if (options.names.some((name) => name !== "rookery")) {
      const users = Object.fromEntries(options.users.map((user) => [`${user}@${DOMAIN}`, PASSWORD]));
      const dovecot = await startDovecot({ folder: subfolder(options, "dovecot"), users });
      stops.push(() => dovecot.stop());
      if (options.names.includes("gateway")) all.push(await startGateway(options, dovecot, stops));
      if (options.names.includes("sogo")) all.push(await startPeer(options, dovecot, users, stops));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { all, stop };
}

function subfolder({ folder }: EasServersOptions, name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

async function startLocal(options: EasServersOptions, stops: (() => Promise<unknown>)[]): Promise<EasServer> {
  const { folder, users, profileFolder } = options;
  const server = await starters["rookery"]!({
    folder,
    users,
    ...(profileFolder === undefined ? {} : { profileFolder }),
  });
  stops.push(() => server.stop());
  return {
    name: "rookery",
    url: server.httpUrl ?? "",
    keepConnections: true,
    target: server.target,
    pids: [server.pid],
    held: HELD,
    holdsByProcess: false,
    firstSyncLimitMs: FIRST_SYNC_LIMIT_MS,
    syncedUser: "small",
    wakeUps: 100,
    holdsMs: [100],
  };
}

async function startGateway(
  options: EasServersOptions,
  dovecot: Peer,
  stops: (() => Promise<unknown>)[],
): Promise<EasServer> {
  const { profileFolder } = options;
  const node = await startServe(
    join(subfolder(options, "gateway"), "data"),
    [
      "listen.http=127.0.0.1:0",
      "node.roles=eas",
      "gateway.accounts=remote",
      "directory.allowplaintext=yes",
      `gateway.imap=127.0.0.1:${dovecot.ports["imap"]}`,
      "gateway.imap_tls=off",
      "gateway.smtp_tls=off",
      `gateway.default_domain=${DOMAIN}`,
    ],
    profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`],
  );
  stops.push(() => node.stop());
  const { host, port } = node.endpoint("http");
  return {
    name: "gateway",
    url: `http://${host}:${port}`,
    keepConnections: true,
    target: dovecotTarget(dovecot),
    pids: [node.child.pid ?? 0, dovecot.pid],
    held: HELD,
    holdsByProcess: false,
    firstSyncLimitMs: FIRST_SYNC_LIMIT_MS,
    syncedUser: "small",
    wakeUps: 30,
    holdsMs: [100],
  };
}

async function startPeer(
  options: EasServersOptions,
  dovecot: Peer,
  users: Readonly<Record<string, string>>,
  stops: (() => Promise<unknown>)[],
): Promise<EasServer> {
  const postgres = await Postgres.start();
  stops.push(() => postgres.stop());
  const sogo = await startSogo({
    folder: subfolder(options, "sogo"),
    users,
    imapPort: dovecot.ports["imap"] ?? 0,
    database: await postgres.createDatabase(),
    workers: SOGO_WORKERS,
    // It writes IMAP commands in pieces: each would wait 40 ms for an acknowledgement.
    env: { LD_PRELOAD: buildNoDelay(options.folder) },
  });
  stops.push(() => sogo.stop());
  return {
    name: "sogo",
    url: `http://127.0.0.1:${sogo.ports["http"]}`,
    path: SOGO_PATH,
    // sogod closes each connection after its answer and does not say so.
    keepConnections: false,
    target: dovecotTarget(dovecot),
    pids: [sogo.pid, dovecot.pid],
    held: SOGO_HELD,
    holdsByProcess: true,
    firstSyncLimitMs: SOGO_FIRST_SYNC_LIMIT_MS,
    // 5,000 mails would take it three minutes.
    syncedUser: "less",
    wakeUps: 5,
    // Two minutes for 5,000 mails, and seconds for each wake-up: once is enough to compare with.
    maxRounds: 1,
    holdsMs: [1000, 3000, 5000, 7000, 9000],
  };
}

function dovecotTarget(dovecot: Peer): Target {
  return {
    name: "dovecot",
    host: dovecot.host,
    imapPort: dovecot.ports["imap"] ?? 0,
    lmtpPort: dovecot.ports["lmtp"] ?? 0,
    addressSuffix: `@${DOMAIN}`,
    password: PASSWORD,
  };
}

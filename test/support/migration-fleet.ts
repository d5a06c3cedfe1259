/** Migrations as operators run them: processes with a scheduler and workers, and the server that they fill. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import assert from "node:assert/strict";
import type { Login } from "./mail-picture.ts";
import { startDovecot } from "./peers/dovecot.ts";
import { runCli } from "./run-cli.ts";
import { type RunningNode, startServe } from "./running-node.ts";
import { ADMIN, SchedulerApi } from "./scheduler-api.ts";

export interface Fleet {
  readonly name: string;
  readonly api: SchedulerApi;
  /** Do messages keep their UIDs there? */
  readonly keepsUids: boolean;
  targetLogin(user: string): Login;
  cli(...words: string[]): Promise<{ readonly exitCode: number; readonly stdout: string }>;
  log(): string;
  stop(): Promise<void>;
}

export interface FleetOptions {
  /** That is there. */
  readonly folder: string;
  readonly users: readonly string[];
  /** File with the worker's commands and hooks. */
  readonly commands: string;
}

const COMMON = [
  `migrate.admin_username=${ADMIN.name}`,
  `migrate.admin_password=${ADMIN.password}`,
  "migrate.storage_key=k1",
  "migrateimap.verify=digests",
  "directory.allowplaintext=yes",
];
const MASTER = { name: "mover", password: "of-mover" };

/** One process with everything, SQLite, Rookery's store as the target. */
export async function startOneNode(options: FleetOptions): Promise<Fleet> {
  const data = join(options.folder, "data");
  const settings = [...COMMON, ...filesOf(options)];
  const node = await startServe(data, [
    ...settings,
    "node.roles=store,scheduler,worker",
    "listen.imap=127.0.0.1:0",
    "listen.scheduler=127.0.0.1:0",
    "migrateworker.threads=4",
  ]);
  const cli = (...words: string[]) => runWith(data, settings, words);
  const file = join(options.folder, "users.csv");
  writeFileSync(file, ["name,password", ...options.users.map((user) => `${user},new-${user}`)].join("\n"));
  const added = await cli("user", "add", "--file", file);
  assert.equal(added.exitCode, 0, added.stdout + added.stderr);
  const { host, port } = node.endpoint("imap");
  return {
    name: "one node with SQLite, into its store",
    api: new SchedulerApi(() => node),
    keepsUids: true,
    targetLogin: (user) => ({ endpoint: { host, port }, user, password: `new-${user}` }),
    cli,
    log: () => node.log.join("\n"),
    async stop() {
      await node.stop();
    },
  };
}

/** A scheduler and two workers over one PostgreSQL, a Dovecot with a master user as the target. */
export async function startManyNodes(options: FleetOptions, databaseUrl: string): Promise<Fleet> {
  const { folder, users } = options;
  // Dovecot's processes run as other users and have to get through.
  chmodSync(folder, 0o755);
  const targetFolder = join(folder, "dovecot");
  mkdirSync(targetFolder);
  const masters = join(targetFolder, "masters");
  writeFileSync(masters, `${MASTER.name}:{PLAIN}${MASTER.password}\n`, { mode: 0o644 });
  const target = await startDovecot({
    folder: targetFolder,
    users: Object.fromEntries(users.map((user) => [user, `new-${user}`])),
    settings: `passdb {\n  driver = passwd-file\n  args = ${masters}\n  master = yes\n}\n`,
  });
  const endpoint = { host: target.host, port: target.ports["imap"] ?? 0 };
  const settings = [...COMMON, ...filesOf(options), `migrate.database=${databaseUrl}`];
  const scheduler = await startServe(join(folder, "scheduler"), [
    ...settings,
    "node.roles=scheduler",
    "listen.scheduler=127.0.0.1:0",
  ]);
  const workers: RunningNode[] = [];
  for (const name of ["first", "second"]) {
    const worker = await startServe(join(folder, name), [
      ...settings,
      "node.roles=worker",
      `migrateworker.name=${name}`,
      "migrateworker.threads=2",
      `migrateworker.target_imap=${endpoint.host}:${endpoint.port}`,
      "migrateworker.target_tls=off",
      `migrateworker.target_master_user=${MASTER.name}`,
      `migrateworker.target_master_password=${MASTER.password}`,
    ]);
    workers.push(worker);
  }
  const nodes = [scheduler, ...workers];
  return {
    name: "a scheduler and two workers over PostgreSQL, into a Dovecot",
    api: new SchedulerApi(() => scheduler),
    keepsUids: false,
    targetLogin: (user) => ({ endpoint, user, password: `new-${user}` }),
    cli: (...words) => runWith(join(folder, "scheduler"), settings, words),
    log: () => nodes.flatMap(({ log }) => log).join("\n"),
    async stop() {
      for (const node of nodes) await node.stop();
      await target.stop();
    },
  };
}

function runWith(data: string, settings: readonly string[], words: readonly string[]) {
  return runCli([...words, "--data", data, ...settings.flatMap((setting) => ["--set", setting])]);
}

function filesOf({ folder, commands }: FleetOptions): string[] {
  const key = join(folder, "storage.key");
  writeFileSync(key, "ab".repeat(32), { mode: 0o600 });
  return [`migrate.storage_keys=k1=${key}`, `migrateworker.commands=${commands}`];
}

/**
 * The migration's part of a process: scheduler, worker or both over one database; beside a store or in a process of its
 * own.
 */
import type { TlsServer } from "../base/io/network.ts";
import type { Log, Logs } from "../base/log.ts";
import { Metrics } from "../base/metrics.ts";
import type { Config } from "../config/load.ts";
import { logOptions } from "../config/log-options.ts";
import { makeDataFolder } from "./data-folder.ts";
import { type Endpoint, type Endpoints, reachableHost } from "./endpoint.ts";
import { openConfiguredMigration } from "./migration-database.ts";
import { listenScheduler } from "./migration-scheduler.ts";
import { openWorker } from "./migration-worker.ts";
import { nodeOptions, type Role } from "./node-options.ts";
import { describeCertificates, openCertificates } from "./open-certificates.ts";
import { openLogs } from "./open-logs.ts";
import type { Platform } from "./platform.ts";
import type { Stoppable } from "./stop-signal.ts";
import { programVersion } from "./version.ts";

export interface MigrationServices {
  readonly logs: Logs;
  readonly metrics: Metrics;
  readonly tls: TlsServer;
  /** Of a process that has a store: its worker can fill it. */
  readonly platform?: Platform;
}

export interface RunningMigration {
  readonly endpoints: Endpoints;
  /** Listeners first; then running jobs are given back. */
  stop(): Promise<void>;
}

const MIGRATION_ROLES: ReadonlySet<Role> = new Set(["scheduler", "worker"]);

/** Does a process with these roles need no store? */
export function isMigrationOnly(roles: readonly Role[]): boolean {
  return roles.length > 0 && roles.every((role) => MIGRATION_ROLES.has(role));
}

/** Nothing at all without one of its roles. @throws ConfigError, SqlError; the Node error of a port that cannot be had */
export async function startMigration(config: Config, services: MigrationServices): Promise<RunningMigration> {
  const { roles } = config.get(nodeOptions);
  if (!roles.some((role) => MIGRATION_ROLES.has(role)))
    return { endpoints: {}, stop: () => Promise.resolve() };
  const { logs } = services;
  const migration = await openConfiguredMigration(config, logs.named("migrate"));
  const open: (() => Promise<void>)[] = [() => migration.close()];
  const stop = async (): Promise<void> => {
    for (const close of open.splice(0).reverse()) await close();
  };
  try {
    const part = roles.includes("scheduler") ? "scheduler" : "worker";
    let endpoint: Endpoint | undefined;
    for (const listener of await listenScheduler(config, { ...services, migration }, part)) {
      open.push(() => listener.close());
      endpoint ??= { host: reachableHost(listener), port: listener.port, tls: true };
    }
    if (roles.includes("worker")) {
      const worker = await openWorker(config, { ...services, migration });
      worker.start();
      open.push(() => worker.stop());
    }
    return { endpoints: endpoint === undefined ? {} : { [part]: endpoint }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export interface MigrationNode extends Stoppable {
  readonly endpoints: Endpoints;
  readonly log: Log;
  readonly logs: Logs;
}

/** A process that is scheduler, worker or both and nothing else. Several may share a data folder. */
export async function startMigrationNode(config: Config): Promise<MigrationNode> {
  const { dataFolder } = config.get(nodeOptions);
  makeDataFolder(dataFolder);
  const logs = openLogs(config.get(logOptions));
  const metrics = new Metrics();
  metrics.collectProcess();
  const log = logs.named("node");
  const tls = openCertificates(config, dataFolder, log);
  let running: RunningMigration;
  try {
    running = await startMigration(config, { logs, metrics, tls });
  } catch (error) {
    tls.stopWatching();
    logs.flush();
    throw error;
  }
  const { endpoints } = running;
  log.info("serving", { endpoints, dataFolder, version: programVersion() });
  // Workers and watchers wait on timers that hold nothing: the process lives until it is told to stop.
  const alive = setInterval(() => {}, 2 ** 30);
  return {
    endpoints,
    log,
    logs,
    reload() {
      logs.reopen();
      try {
        tls.reload();
        log.info("certificates read again", { certificates: describeCertificates(tls) });
      } catch (error) {
        log.error("certificates not read again, the old ones stay in use", { err: error });
      }
    },
    async stop() {
      clearInterval(alive);
      tls.stopWatching();
      await running.stop();
      logs.flush();
    },
  };
}

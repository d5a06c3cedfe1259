/** The listeners of a scheduler, or of a worker without one. */
import { readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { systemClock } from "../base/io/clock.ts";
import type { Listener, TlsServer } from "../base/io/network.ts";
import { systemDisk } from "../base/io/system-disk.ts";
import type { Logs } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import { type Config, ConfigError } from "../config/load.ts";
import { FailedLogins } from "../directory/failed-logins.ts";
import { directoryOptions } from "../directory/options.ts";
import { listenHttp } from "../http/http.ts";
import type { MigrationDatabase } from "../migrate/database/open.ts";
import { migrateOptions } from "../migrate/options.ts";
import { IpPatterns } from "../migrate/scheduler/ip-patterns.ts";
import { APIS, schedulerRoutes } from "../migrate/scheduler/routes.ts";
import { failedToListen } from "./failed-to-listen.ts";
import { listenOptions, nodeOptions } from "./node-options.ts";
import { programVersion } from "./version.ts";

export interface SchedulerServices {
  readonly migration: MigrationDatabase;
  readonly tls: TlsServer;
  readonly logs: Logs;
  readonly metrics: Metrics;
}

/** @throws ConfigError; the Node error of a port that cannot be had */
export async function listenScheduler(
  config: Config,
  services: SchedulerServices,
  part: "scheduler" | "worker",
): Promise<readonly Listener[]> {
  const { migration, tls, logs, metrics } = services;
  const settings = config.get(migrateOptions);
  const { dataFolder, trustedProxies } = config.get(nodeOptions);
  const addresses = config.get(listenOptions)[part];
  if (addresses.length === 0) return [];
  const routes = schedulerRoutes({
    apis: part === "scheduler" ? APIS : [],
    migration,
    access: {
      adminUsername: settings.adminUsername,
      adminPassword: settings.adminPassword,
      apiKeyHeader: settings.apiKeyHeader,
      ipPatterns: readIpPatterns(settings.ipPatterns),
      failedLogins: new FailedLogins(systemClock, config.get(directoryOptions)),
    },
    health: {
      database: settings.healthDatabase,
      diskSpace: settings.healthDiskSpace,
      diskSpaceThresholdBytes: settings.healthDiskSpaceThresholdBytes,
      readSpace: () => systemDisk.space(settings.healthDiskSpacePath ?? dataFolder),
    },
    documentation: settings.documentation,
    metricsAccess: settings.metrics,
    metrics,
    logs,
    log: logs.named("migrate"),
    clock: systemClock,
    version: programVersion(),
    readFigures: () => ({
      uptimeSeconds: process.uptime(),
      cpuCount: availableParallelism(),
      loadAverage1m: loadavg()[0] ?? 0,
    }),
    readFile: readFileSync,
  });
  const listeners: Listener[] = [];
  try {
    for (const { host, port } of addresses) {
      const listener = await listenHttp({
        host,
        port,
        tls,
        trustedProxies,
        routes: [routes],
        log: logs.named("http"),
        metrics: metrics.room("http"),
      }).catch((error: unknown) => failedToListen(host, port, error));
      listeners.push(listener);
    }
  } catch (error) {
    for (const listener of listeners) await listener.close();
    throw error;
  }
  return listeners;
}

function readIpPatterns(patterns: readonly string[]): IpPatterns {
  try {
    return new IpPatterns(patterns);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError([{ key: "migrate.ip_patterns", origin: "configuration", message: error.message }]);
  }
}

/** A scheduler on a port of loopback with a certificate of its own, over a given database. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/io/clock.ts";
import type { Listener } from "../../src/base/io/network.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import type { SqlDatabase } from "../../src/base/io/sql/port.ts";
import { TlsContexts } from "../../src/base/io/tls-contexts.ts";
import { Logs } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { NetworkList } from "../../src/base/networks.ts";
import { Secret } from "../../src/base/secret.ts";
import { FailedLogins } from "../../src/directory/failed-logins.ts";
import { listenHttp } from "../../src/http/http.ts";
import { makeSelfSignedCertificate } from "../../src/main/certificate.ts";
import { type MigrationDatabase, openMigrationDatabase } from "../../src/migrate/database/open.ts";
import { IpPatterns } from "../../src/migrate/scheduler/ip-patterns.ts";
import { APIS, schedulerRoutes, type SchedulerOptions } from "../../src/migrate/scheduler/routes.ts";
import { StorageKeys } from "../../src/migrate/secrets.ts";

export interface SchedulerHost {
  readonly url: string;
  /** PEM file of the certificate, which is its own authority. */
  readonly certificateFile: string;
  readonly migration: MigrationDatabase;
  readonly logs: Logs;
  readonly logLines: readonly string[];
  close(): Promise<void>;
}

export interface SchedulerHostOptions extends Partial<
  Pick<SchedulerOptions, "apis" | "documentation" | "metricsAccess" | "health">
> {
  readonly password?: string;
  /** Default: yes. */
  readonly tls?: boolean;
  readonly ipPatterns?: readonly string[];
  readonly failedLoginRefuse?: number;
}

export async function openScheduler(
  sql: SqlDatabase,
  folder: string,
  options: SchedulerHostOptions = {},
): Promise<SchedulerHost> {
  const logLines: string[] = [];
  const logs = new Logs({ level: "info", format: "json", destination: (line) => void logLines.push(line) });
  const metrics = new Metrics();
  metrics.collectProcess();
  const keys = new StorageKeys({
    alias: "key1",
    keys: new Map([["key1", Buffer.alloc(32, 7)]]),
    random: systemRandom,
  });
  const log = logs.named("migrate");
  const migration = await openMigrationDatabase({ sql, keys, clock: systemClock, random: systemRandom, log });
  const certificateFile = makeCertificate(folder);
  const routes = schedulerRoutes({
    apis: options.apis ?? APIS,
    migration,
    access: {
      adminUsername: "admin",
      adminPassword: new Secret(options.password ?? "password"),
      apiKeyHeader: "X-API-KEY",
      ipPatterns: new IpPatterns(options.ipPatterns ?? []),
      failedLogins: new FailedLogins(systemClock, {
        failedLoginFree: 1000,
        failedLoginDelayMs: 0,
        failedLoginMaxDelayMs: 0,
        failedLoginRefuse: options.failedLoginRefuse ?? 1000,
        failedLoginMemoryMs: 60_000,
        failedLoginExempt: new NetworkList([]),
      }),
    },
    health: options.health ?? {
      database: true,
      diskSpace: true,
      diskSpaceThresholdBytes: 10_485_760,
      readSpace: () => ({ freeBytes: 71_800_705_024, totalBytes: 126_557_421_568 }),
    },
    documentation: options.documentation ?? "anonymous",
    metricsAccess: options.metricsAccess ?? "authenticated",
    metrics,
    logs,
    log,
    clock: systemClock,
    version: "1.2.3",
    readFigures: () => ({ uptimeSeconds: 168.5, cpuCount: 2, loadAverage1m: 0.5 }),
    readFile: readFileSync,
  });
  const withTls = options.tls !== false;
  const listener: Listener = await listenHttp({
    host: "127.0.0.1",
    port: 0,
    tls: withTls
      ? new TlsContexts([{ certificate: certificateFile, key: join(folder, "scheduler.key") }])
      : undefined,
    routes: [routes],
    log,
    metrics: metrics.room("http"),
  });
  return {
    url: `${withTls ? "https" : "http"}://127.0.0.1:${listener.port}`,
    certificateFile,
    migration,
    logs,
    logLines,
    async close() {
      await listener.close();
      await migration.close();
    },
  };
}

function makeCertificate(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "scheduler.pem");
  const made = makeSelfSignedCertificate(["127.0.0.1"], Date.now(), randomBytes(16));
  writeFileSync(file, made.certificatePem);
  writeFileSync(join(folder, "scheduler.key"), made.privateKeyPem, { mode: 0o600 });
  return file;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Talks to a scheduler without TLS. */
export class SchedulerClient {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.#url = url;
    this.#headers = headers;
  }

  static admin(url: string, password = "password"): SchedulerClient {
    const credentials = Buffer.from(`admin:${password}`).toString("base64");
    return new SchedulerClient(url, { authorization: `Basic ${credentials}` });
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        ...this.#headers,
        ...headers,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }
}

/** The IMAP engine between a server and a target, with everything else in memory: for tests and benchmarks. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/base/io/clock.ts";
import type { Network } from "../../src/base/io/network.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { SqliteDatabase } from "../../src/base/io/sql/sqlite.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { silentLog, type Log } from "../../src/base/log.ts";
import type { EngineContext, Pace } from "../../src/migrate/engine.ts";
import { ImapEngine, type ImapEnginePorts } from "../../src/migrate/imap/engine.ts";
import type { MigrateImapSettings } from "../../src/migrate/imap/options.ts";
import type { MailTarget } from "../../src/migrate/imap/target.ts";
import { Ledger } from "../../src/migrate/ledger/ledger.ts";
import type { JobResult, MigrationJob, MigrationUser } from "../../src/migrate/model.ts";

export const DEFAULT_SETTINGS: MigrateImapSettings = {
  tls: "off",
  verifyCertificate: true,
  verify: "off",
  compress: false,
  silenceMs: 30_000,
  masterForm: "authzid",
  sourcePrefix: "",
  targetPrefix: "",
  excludes: [],
  renames: [],
  automap: true,
  foreign: false,
  acl: true,
  deletes: true,
  maxMessageBytes: 0,
  window: 100,
  attempts: 3,
  fullRetryAfterMs: 60_000,
  fullRetries: 3,
};

export const NO_LIMITS: Pace = { take: () => Promise.resolve(), answered() {}, backOff() {} };

export interface MigrationOptions {
  readonly source: { readonly host: string; readonly port: number };
  readonly openTarget: (job: MigrationJob) => Promise<MailTarget>;
  readonly settings?: Partial<MigrateImapSettings>;
  readonly conf?: Readonly<Record<string, string>>;
  readonly network?: Network;
  readonly log?: Log;
  readonly ports?: Partial<ImapEnginePorts>;
}

export interface Migration {
  readonly database: SqliteDatabase;
  readonly ledger: Ledger;
  readonly engine: ImapEngine;
  job(user: Partial<MigrationUser>, job?: Partial<MigrationJob>): MigrationJob;
  run(job: MigrationJob, context?: Partial<EngineContext>): Promise<JobResult>;
  /** Must end well. */
  ok(job: MigrationJob): Promise<JobResult>;
  close(): Promise<void>;
}

export async function openMigration(options: MigrationOptions): Promise<Migration> {
  const database = await SqliteDatabase.open(":memory:");
  const ledger = await Ledger.open(database);
  const engine = new ImapEngine({
    ledger,
    network: options.network ?? systemNetwork,
    random: systemRandom,
    settings: { ...DEFAULT_SETTINGS, ...options.settings },
    sourceConf: () => new Map(Object.entries(options.conf ?? {})),
    openTarget: options.openTarget,
    ...options.ports,
  });
  let nextId = 1;
  const migration: Migration = {
    database,
    ledger,
    engine,
    job: (user, job) => ({
      id: nextId++,
      phase: "PRE_SYNC",
      priority: false,
      dryRun: false,
      fence: 1,
      attempt: 1,
      pauses: 0,
      host: {
        source: "old",
        name: options.source.host,
        maxConnections: 10,
        migrationCommand1: "",
        migrationCommand2: "",
        statusCommand: "",
        maxMessagesPerSecond: 0,
        maxBytesPerSecond: 0,
      },
      ...job,
      user: {
        source: "old",
        sourceUid: "alice",
        targetUid: "alice",
        target: "default",
        sourceHost: options.source.host,
        sourcePort: options.source.port,
        password: "alice",
        email: undefined,
        imapcOptions: [],
        useImapcSsl: false,
        excludeFolders: [],
        ...user,
      },
    }),
    run: (job, context) =>
      engine.run(job, {
        signal: new AbortController().signal,
        clock: systemClock,
        log: options.log ?? silentLog,
        pace: NO_LIMITS,
        progress() {},
        ...context,
      }),
    async ok(job) {
      const result = await migration.run(job);
      assert.equal(result.status, "SUCCESS", JSON.stringify(result, undefined, 1));
      return result;
    },
    close: () => database.close(),
  };
  return migration;
}

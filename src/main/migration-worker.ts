/** The migration's worker (role worker): engines, what stands around them, and where the built-in one stores mail. */
import { join } from "node:path";
import { systemFiles } from "../base/io/body-files.ts";
import { systemClock } from "../base/io/clock.ts";
import { systemRandom } from "../base/io/random.ts";
import { systemDisk } from "../base/io/system-disk.ts";
import { systemNetwork } from "../base/io/system-network.ts";
import type { Logs } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import { type Config, ConfigError } from "../config/load.ts";
import { CommandError } from "../migrate/command/command.ts";
import { CommandEngine, wantsCommands } from "../migrate/command/command-engine.ts";
import { loadWorkerCommands, readWorkerCommands, type WorkerCommands } from "../migrate/command/options.ts";
import type { UserLogOptions } from "../migrate/command/user-log.ts";
import type { MigrationDatabase } from "../migrate/database/open.ts";
import { AccountError } from "../migrate/imap/account.ts";
import { ImapEngine } from "../migrate/imap/engine.ts";
import { ImapTarget } from "../migrate/imap/imap-target.ts";
import { migrateImapOptions } from "../migrate/imap/options.ts";
import { oauthTokens } from "../migrate/imap/oauth-tokens.ts";
import { StoreTarget } from "../migrate/imap/store-target.ts";
import type { MailTarget } from "../migrate/imap/target.ts";
import type { BackendState } from "../migrate/job-queue.ts";
import { Ledger } from "../migrate/ledger/ledger.ts";
import type { MigrationJob } from "../migrate/model.ts";
import { migrateWorkerOptions, type MigrateWorkerSettings } from "../migrate/options.ts";
import { paceMetrics } from "../migrate/pace/metrics.ts";
import { Paces } from "../migrate/pace/pace.ts";
import { runWithHooks } from "../migrate/worker/around.ts";
import { workerMetrics } from "../migrate/worker/metrics.ts";
import { Worker } from "../migrate/worker/worker.ts";
import { Staging } from "../store/staging.ts";
import { nodeOptions } from "./node-options.ts";
import type { Platform } from "./platform.ts";
import { programVersion } from "./version.ts";

export interface WorkerServices {
  readonly migration: MigrationDatabase;
  readonly logs: Logs;
  readonly metrics: Metrics;
  /** Of a process with a store. */
  readonly platform?: Platform;
}

type OpenTarget = (job: MigrationJob) => Promise<MailTarget>;

const IMAPS_PORT = 993;
const SILENCE_MS = 120_000;
/** What waits on disk for a target is as large as the source had it. */
const MAX_STAGED_BYTES = 2 ** 40;

/** Begins to take jobs when it is started. @throws ConfigError, SqlError */
export async function openWorker(config: Config, services: WorkerServices): Promise<Worker> {
  const { migration, logs, metrics } = services;
  const settings = config.get(migrateWorkerOptions);
  const log = logs.named("migrate.worker");
  const commands = readCommands(settings);
  const userLog: UserLogOptions | undefined =
    settings.userLogFolder === undefined
      ? undefined
      : { folder: settings.userLogFolder, format: settings.userLogFormat };
  const command = new CommandEngine({
    commands,
    maxAttempts: settings.commandAttempts,
    retryAfterMs: settings.commandRetryAfterMs,
    userLog,
  });
  const ledger = await Ledger.open(migration.sql);
  const imap = new ImapEngine({
    ledger,
    network: systemNetwork,
    random: systemRandom,
    settings: config.get(migrateImapOptions),
    sourceConf: (source) => commands.conf(source),
    tokens: oauthTokens(fetch, systemClock),
    openTarget: targetOpener(config, settings, services),
  });
  const paces = await Paces.open({
    database: migration.sql,
    clock: systemClock,
    nowMs: () => migration.clock.nowMs(),
    log,
    onState: paceMetrics(metrics.room("migrate")),
  });
  const worker: Worker = new Worker({
    queue: migration.jobQueue(),
    identity: { target: settings.target, name: settings.name, version: programVersion() },
    initial: {
      state: settings.initialState.toUpperCase() as BackendState,
      maxThreads: settings.threads,
    },
    leaseMs: settings.leaseMs,
    chooseEngine: (job) =>
      settings.engine === "command" || (settings.engine === "auto" && wantsCommands(job)) ? command : imap,
    paceOf: (job, signal) => paces.of(job.host, signal),
    around: (job, context, run) =>
      runWithHooks(
        { commands, userLog, cutoverRefusal: ({ user }) => ledger.whyNotCutOver(user) },
        job,
        context,
        run,
      ),
    clock: systemClock,
    log,
    metrics: workerMetrics(metrics.room("migrate"), () => worker.runningJobs.length),
  });
  return worker;
}

function readCommands({ commands: path }: MigrateWorkerSettings): WorkerCommands {
  if (path === undefined) return readWorkerCommands({});
  try {
    return loadWorkerCommands(path);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new ConfigError([{ key: "migrateworker.commands", origin: path, message: error.message }]);
  }
}

function targetOpener(config: Config, settings: MigrateWorkerSettings, services: WorkerServices): OpenTarget {
  if (settings.targetImap !== undefined) return imapTarget(config, settings);
  const { platform } = services;
  if (platform === undefined || !config.get(nodeOptions).roles.includes("store")) {
    return () =>
      Promise.reject(
        new AccountError(
          "this worker has no target: it needs a store (role store) or migrateworker.target_imap",
        ),
      );
  }
  const { store, directory } = platform;
  return async ({ user }) => {
    const known = await directory.directory.findUser(user.targetUid);
    if (known === undefined) throw new AccountError(`the target has no user "${user.targetUid}"`);
    return new StoreTarget(known.userId, { store, clock: systemClock, maxMessageBytes: undefined });
  };
}

function imapTarget(config: Config, settings: MigrateWorkerSettings): OpenTarget {
  const { targetImap, targetTls, targetVerify, targetMasterUser: master, targetMasterPassword } = settings;
  if (targetImap === undefined || master === "" || targetMasterPassword === undefined) {
    throw new ConfigError([
      {
        key: "migrateworker.target_imap",
        origin: "configuration",
        message: "needs migrateworker.target_master_user and migrateworker.target_master_password",
      },
    ]);
  }
  // Beside the store's own, which another process may own.
  const folder = join(config.get(nodeOptions).dataFolder, "migration", `${settings.target}-${settings.name}`);
  systemDisk.makeFolder(folder);
  Staging.sweep(folder, systemDisk);
  const staging = new Staging({
    folder,
    files: systemFiles,
    random: systemRandom,
    maxMessageBytes: MAX_STAGED_BYTES,
  });
  const form = settings.targetMasterForm === "authzid" ? "authzid" : { separator: settings.targetMasterForm };
  return ({ user }) =>
    ImapTarget.connect(
      {
        host: targetImap.host,
        port: targetImap.port,
        tls: targetTls === "auto" && targetImap.port === IMAPS_PORT ? "implicit" : targetTls,
        verify: targetVerify,
        user: user.targetUid,
        login: { kind: "master", master, password: targetMasterPassword, form },
        compress: false,
        silenceMs: SILENCE_MS,
      },
      {
        network: systemNetwork,
        clock: systemClock,
        random: systemRandom,
        stage: (sizeBytes) => staging.stage(sizeBytes),
      },
    );
}

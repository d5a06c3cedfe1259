/**
 * The rooms of a node without its listeners, each made from the ones before: store, text index, directory, delivery.
 * A node opens it to serve, a command line to work on a folder that no node serves. Call with the folder's lock held.
 */
import { hostname } from "node:os";
import { join } from "node:path";
import type { NodeContext } from "../admin/context.ts";
import { AdminError } from "../admin/failure.ts";
import { describeSystemFailure } from "../admin/system-failure.ts";
import { systemClock } from "../base/io/clock.ts";
import { systemRandom } from "../base/io/random.ts";
import { systemResolver } from "../base/io/resolver.ts";
import { systemDisk } from "../base/io/system-disk.ts";
import { systemNetwork } from "../base/io/system-network.ts";
import { systemPrograms } from "../base/io/system-programs.ts";
import type { Log, LogLevel, Logs } from "../base/log.ts";
import { Metrics } from "../base/metrics.ts";
import { type Config, ConfigError } from "../config/load.ts";
import { logOptions } from "../config/log-options.ts";
import { Delivery } from "../delivery/delivery.ts";
import { deliveryMetrics } from "../delivery/metrics.ts";
import { FilterMemory } from "../delivery/filter-memory.ts";
import { GlobalScripts } from "../delivery/global-scripts.ts";
import { deliveryOptions } from "../delivery/options.ts";
import { Provision } from "../delivery/provision.ts";
import { Scripts } from "../delivery/scripts.ts";
import { SieveFilter } from "../delivery/sieve-filter.ts";
import { sieveOptions } from "../delivery/sieve-options.ts";
import { AccountDirectory } from "../directory/account-directory.ts";
import { ldapOptions } from "../directory/ldap/ldap-options.ts";
import { oauthOptions } from "../directory/oauth-options.ts";
import { openDirectory, type OpenDirectory, type OpenDirectoryOptions } from "../directory/open.ts";
import { directoryOptions } from "../directory/options.ts";
import { TextIndex } from "../index/text-index.ts";
import { easOptions } from "../eas/options.ts";
import { queueMetrics } from "../queue/metrics.ts";
import { queueOptions } from "../queue/options.ts";
import { QueueDatabase } from "../queue/queue-database.ts";
import { QueueFile } from "../queue/queue-file.ts";
import { Queue } from "../queue/queue.ts";
import { leanStore } from "./lean-process.ts";
import { openStore } from "./open-store.ts";
import { linkArchiveFolder } from "../store/maintenance/archive-folder.ts";
import { expiryDays, storeOptions } from "../store/maintenance/options.ts";
import type { Store } from "../store/port.ts";
import { Acknowledgements } from "../sync/replication/acknowledgements.ts";
import { replicationMetrics } from "../sync/replication/metrics.ts";
import { replicationOptions } from "../sync/replication/options.ts";
import { Replication } from "../sync/replication/replication.ts";
import { Roles } from "../sync/replication/roles.ts";
import { Outgoing } from "../submission/outgoing.ts";
import { submissionOptions } from "../submission/options.ts";
import { DeviceTraces } from "./device-traces.ts";
import { GatewayState } from "./gateway-state.ts";
import { deliverLocally, deliverQueued } from "./local-submission.ts";
import { namespaceOptions, toNamespace } from "./namespace-options.ts";
import { nodeOptions } from "./node-options.ts";
import { openLogs } from "./open-logs.ts";
import { programVersion } from "./version.ts";

export interface Platform {
  readonly logs: Logs;
  readonly metrics: Metrics;
  readonly hostName: string;
  readonly store: Store;
  readonly textIndex: TextIndex;
  readonly directory: OpenDirectory;
  readonly provision: Provision;
  readonly scripts: Scripts;
  /** Takes mail; a node starts it. */
  readonly queue: Queue;
  readonly delivery: Delivery;
  /** Mail that users send. */
  readonly outgoing: Outgoing;
  /** What devices know. */
  readonly gatewayState: GatewayState;
  readonly deviceTraces: DeviceTraces;
  /** "" until a default domain is added. */
  readonly defaultDomain: () => string;
  readonly context: NodeContext;
  /** In reverse order of opening. */
  close(): Promise<void>;
}

export interface PlatformOptions {
  /** Instead of the configured one: a command prints its own errors. */
  readonly logLevel?: LogLevel;
  /** The store cannot write any more. */
  readonly onStoreFailure?: (log: Log) => void;
}

export async function openPlatform(config: Config, options: PlatformOptions = {}): Promise<Platform> {
  const io = { clock: systemClock, random: systemRandom };
  const { dataFolder, name } = config.get(nodeOptions);
  const hostName = name ?? hostname();

  const logs = openLogs(config.get(logOptions), options.logLevel);
  const metrics = new Metrics();

  const storeSettings = config.get(storeOptions);
  if (storeSettings.archiveFolder !== undefined) linkArchiveFolder(dataFolder, storeSettings.archiveFolder);
  const roles = new Roles(dataFolder, systemDisk);
  const acknowledgements = new Acknowledgements();
  const store = await openStore({
    folder: dataFolder,
    guard: roles,
    witness: acknowledgements,
    ...io,
    log: logs.named("store"),
    metrics,
    settings: { ...leanStore(), expiry: expiryDays(storeSettings) },
    onFailure: () => options.onStoreFailure?.(logs.named("node")),
  });

  const indexLog = logs.named("index");
  const textIndex = await TextIndex.open({
    source: store,
    clock: io.clock,
    path: join(dataFolder, "text-index.sqlite"),
    onError: (error) => {
      const known = describeSystemFailure(error);
      if (known === undefined) indexLog.error("indexing failed", { err: error });
      // Searches scan meanwhile, and indexing is tried again.
      else indexLog.warn("indexing waits", { reason: known.message, code: known.code, next: known.next });
    },
  });

  const directory = openConfiguredDirectory({
    folder: dataFolder,
    io,
    settings: config.get(directoryOptions),
    ldap: config.get(ldapOptions),
    oauth: config.get(oauthOptions),
    log: logs.named("directory"),
    metrics,
  });

  const deliverySettings = config.get(deliveryOptions);
  const deliveryLog = logs.named("delivery");
  const provision = new Provision({
    store,
    directory: directory.directory,
    settings: deliverySettings,
    log: deliveryLog,
  });
  const defaultDomain = (): string =>
    directory.directory instanceof AccountDirectory ? directory.directory.defaultDomain : "";
  const scripts = new Scripts({ store, ...io, settings: config.get(sieveOptions), defaultDomain });
  const queueFile = new QueueFile(dataFolder, new QueueDatabase(dataFolder));
  const queue = new Queue({
    database: queueFile.database,
    writer: queueFile.writer,
    network: systemNetwork,
    resolver: systemResolver,
    settings: config.get(queueOptions),
    hostName,
    ...io,
    log: logs.named("queue"),
    metrics: queueMetrics(metrics.room("queue"), () => queueFile.writer.count),
    local: {
      takes: (domain) => directory.directory.isLocalDomain(domain),
      deliver: ({ sender, recipient }, message) =>
        deliverQueued({ store, delivery, random: io.random }, sender, recipient, message),
    },
  });
  const sieveLog = logs.named("sieve");
  const outbound = new FilterMemory({ store, queue, clock: io.clock, log: sieveLog });
  const globalScripts = new GlobalScripts(systemDisk, config.get(sieveOptions).globalFolder);
  const filter = new SieveFilter({
    store,
    scripts,
    directory: directory.directory,
    outbound,
    namespace: () => toNamespace(config.get(namespaceOptions), defaultDomain()),
    addressSeparator: config.get(directoryOptions).plusSeparator,
    globalScripts: (script) => globalScripts.find(script),
    hostName,
    version: programVersion(),
    ...io,
    log: sieveLog,
  });
  const delivery = new Delivery({
    store,
    directory: directory.directory,
    provision,
    settings: deliverySettings,
    hostName,
    clock: io.clock,
    log: deliveryLog,
    metrics: deliveryMetrics(metrics.room("delivery")),
    filter: config.get(sieveOptions).enabled ? filter : undefined,
    outbound,
  });

  const outgoing = new Outgoing({
    directory: directory.directory,
    queue,
    settings: config.get(submissionOptions),
    addressSeparator: config.get(directoryOptions).plusSeparator,
    hostName,
    ...io,
  });

  const replication = new Replication({
    store,
    network: systemNetwork,
    disk: systemDisk,
    ...io,
    log: logs.named("replication"),
    settings: config.get(replicationOptions),
    roles,
    acknowledgements,
    programs: systemPrograms,
    sieveIsOff: !config.get(sieveOptions).enabled,
    metrics: replicationMetrics(metrics.room("replication")),
  });

  const gatewayState = new GatewayState(config.get(easOptions), dataFolder, {
    eas: logs.named("eas"),
    container: logs.named("CONTAINER"),
  });

  const deviceTraces = new DeviceTraces(dataFolder, config.get(easOptions).traceSizeBytes, logs.named("eas"));

  const context: NodeContext = {
    store,
    maintenance: store.maintenance,
    directory: directory.directory,
    directoryAdmin: directory.admin,
    scripts,
    filter,
    queue,
    devices: gatewayState.states,
    deviceTraces,
    replication,
    get defaultDomain() {
      return defaultDomain();
    },
    clock: io.clock,
    log: logs.named("admin"),
    createHome: (userId) => provision.prepare(userId),
    deliver: (message) => deliverLocally({ store, delivery, random: io.random }, message),
    endHeld() {},
    disconnect() {},
    reloadCertificates: () => Promise.reject(notRunning("read certificates again")),
    status: () => ({ running: false, pid: process.pid, version: programVersion(), endpoints: {} }),
  };

  return {
    logs,
    metrics,
    hostName,
    store,
    textIndex,
    directory,
    provision,
    scripts,
    queue,
    delivery,
    outgoing,
    gatewayState,
    deviceTraces,
    defaultDomain,
    context,
    async close() {
      await gatewayState.close();
      await queueFile.close();
      await directory.close();
      await textIndex.close();
      await store.close();
      logs.flush();
    },
  };
}

/** @throws ConfigError for settings that are good alone and do not fit together */
function openConfiguredDirectory(options: OpenDirectoryOptions): OpenDirectory {
  try {
    return openDirectory(options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ConfigError([{ key: "directory", origin: "configuration", message: error.message }]);
  }
}

function notRunning(what: string): AdminError {
  return new AdminError("node_not_running", `no node runs that could ${what}`, {
    next: "Start one with: rookery serve",
  });
}

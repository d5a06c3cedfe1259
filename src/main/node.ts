/**
 * A running node, read from top to bottom: the data folder and its lock, certificates, the platform (store, directory,
 * delivery), then what listens: LMTP, IMAP, POP3, ManageSieve, HTTP, the admin socket. Stops in the reverse order.
 */
import type { NodeContext } from "../admin/context.ts";
import { lockDataFolder } from "../admin/lock.ts";
import { operations } from "../admin/operations.ts";
import { openAdminSocket } from "../admin/socket.ts";
import { systemClock } from "../base/io/clock.ts";
import type { Connection, ListenOptions } from "../base/io/network.ts";
import { systemRandom } from "../base/io/random.ts";
import { systemNetwork } from "../base/io/system-network.ts";
import type { Log } from "../base/log.ts";
import type { HostPort } from "../config/kinds.ts";
import type { Config } from "../config/load.ts";
import { sieveOptions } from "../delivery/sieve-options.ts";
import { directoryOptions } from "../directory/options.ts";
import { ImapServer } from "../imap/server.ts";
import { imapOptions } from "../imap/options.ts";
import { lmtpMetrics } from "../lmtp/metrics.ts";
import { lmtpOptions } from "../lmtp/options.ts";
import { LmtpServer } from "../lmtp/server.ts";
import { managesieveMetrics } from "../managesieve/metrics.ts";
import { managesieveOptions } from "../managesieve/options.ts";
import { ManagesieveServer } from "../managesieve/server.ts";
import { pop3Metrics } from "../pop3/metrics.ts";
import { pop3Options } from "../pop3/options.ts";
import { Pop3Server } from "../pop3/server.ts";
import { syncOptions } from "../sync/options.ts";
import type { SyncServices } from "../sync/dialogue.ts";
import { SyncServer } from "../sync/server.ts";
import { maintenancePolicy, storeOptions } from "../store/maintenance/options.ts";
import { SYNC_CAPABILITIES, syncCommands } from "./sync-over-imap.ts";
import { submissionOptions } from "../submission/options.ts";
import { listenSubmission, submissionMetrics } from "../submission/server.ts";
import { makeDataFolder } from "./data-folder.ts";
import { type Endpoint, type Endpoints, reachableHost, type ServiceName } from "./endpoint.ts";
import { failedToListen } from "./failed-to-listen.ts";
import { listenWeb } from "./listen-web.ts";
import { startMigration } from "./migration.ts";
import { namespaceOptions, toNamespace } from "./namespace-options.ts";
import { watchNode } from "./node-metrics.ts";
import { isServedBy, listenOptions, nodeOptions } from "./node-options.ts";
import { PARTITIONS } from "./partitions.ts";
import { openActiveSync } from "./open-activesync.ts";
import { describeCertificates, openCertificates } from "./open-certificates.ts";
import { openPlatform, type Platform } from "./platform.ts";
import { endWithoutStore } from "./stop-signal.ts";
import { imapTextSearch } from "./text-search.ts";
import { openTextSyncSocket } from "./text-sync-socket.ts";
import { urlAuthSecret } from "./url-auth-secret.ts";
import { programVersion } from "./version.ts";

/** Sessions may finish what they are doing for this long when the node stops. */
const GRACE_MS = 2500;
const GRACE_STEP_MS = 20;

export interface Node {
  readonly endpoints: Endpoints;
  readonly log: Log;
  readonly platform: Platform;
  /** Reads certificates again and reopens log files; failures are logged. */
  reload(): void;
  /** Stops listening, lets sessions end, then closes the store and frees the data folder. */
  stop(): Promise<void>;
}

export interface NodeHooks {
  /** With the platform open and nobody served yet: where `up` makes its demo. */
  readonly beforeListening?: (context: NodeContext) => Promise<void>;
}

/** @throws AdminError data_folder_in_use; ConfigError; the Node error of a port or file that cannot be had */
export async function startNode(config: Config, hooks: NodeHooks = {}): Promise<Node> {
  // What is open so far, to be closed in reverse order, also when a later step fails.
  const open: (() => void | Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of open.splice(0).reverse()) await close();
  };
  try {
    const { dataFolder, trustedProxies, roles } = config.get(nodeOptions);
    makeDataFolder(dataFolder);
    const lock = lockDataFolder(dataFolder);
    open.push(() => lock.release());

    const platform = await openPlatform(config, { onStoreFailure: endWithoutStore });
    open.push(() => platform.close());
    const { logs, metrics, store, textIndex, directory, delivery, scripts, provision, hostName } = platform;
    const log = logs.named("node");
    metrics.collectProcess();

    const tls = openCertificates(config, dataFolder, log);
    open.push(() => tls.stopWatching());
    watchNode(metrics, { dataFolder, tls, textIndex });

    await hooks.beforeListening?.(platform.context);

    const lmtp = new LmtpServer({
      store,
      delivery,
      directory: directory.directory,
      settings: config.get(lmtpOptions),
      hostName,
      tlsAvailable: true,
      clock: systemClock,
      random: systemRandom,
      log: logs.named("lmtp"),
      metrics: lmtpMetrics(metrics.room("lmtp")),
    });
    const syncServices: SyncServices = {
      store,
      partitions: new Set([...PARTITIONS, ...config.get(syncOptions).partitions]),
      clock: systemClock,
      log: logs.named("sync"),
      sieveIsOff: !config.get(sieveOptions).enabled,
    };
    const imapLog = logs.named("imap");
    const imapCommands = metrics
      .room("imap")
      .histogram("command_seconds", "Time from a command to its answer.", ["command", "status"]);
    const imap = new ImapServer({
      store,
      directory: directory.directory,
      clock: systemClock,
      log: imapLog,
      settings: config.get(imapOptions),
      namespace: toNamespace(config.get(namespaceOptions), platform.defaultDomain()),
      hostName,
      version: programVersion(),
      hasCertificate: true,
      allowPlaintext: config.get(directoryOptions).allowplaintext,
      urlAuthSecret: urlAuthSecret(dataFolder),
      textSearch: imapTextSearch(textIndex, store),
      extraCommands: syncCommands(syncServices, config.get(syncOptions)),
      extraCapabilities: ({ isAdmin }) => (isAdmin ? SYNC_CAPABILITIES : []),
      provision: async ({ userId }) => void (await provision.ensure(userId)),
      observe: (command, status, tookMs) => imapCommands.observe({ command, status }, tookMs / 1000),
    });
    metrics.room("imap").gauge("sessions", "Open sessions.", () => imap.sessions.size);
    const pop3 = new Pop3Server({
      store,
      directory: directory.directory,
      settings: config.get(pop3Options),
      hostName,
      tlsAvailable: true,
      allowPlaintext: config.get(directoryOptions).allowplaintext,
      clock: systemClock,
      log: logs.named("pop3"),
      metrics: pop3Metrics(metrics.room("pop3")),
      provision: async ({ userId }) => void (await provision.ensure(userId)),
    });
    const managesieve = new ManagesieveServer({
      scripts,
      directory: directory.directory,
      settings: config.get(managesieveOptions),
      hostName,
      version: programVersion(),
      tlsAvailable: true,
      clock: systemClock,
      log: logs.named("managesieve"),
      metrics: managesieveMetrics(metrics.room("managesieve")),
      provision: async ({ userId }) => void (await provision.ensure(userId)),
    });
    const sync = new SyncServer({
      ...syncServices,
      directory: directory.directory,
      settings: config.get(syncOptions),
      hostName,
      version: programVersion(),
      tlsAvailable: true,
    });
    platform.context.replication.start();
    open.push(() => platform.context.replication.stop());
    metrics.room("sync").gauge("sessions", "Open sessions.", () => sync.sessionCount);
    platform.queue.start();
    open.push(() => platform.queue.stop(GRACE_MS));
    // Before the store closes: messages on their way get their answer, sessions their goodbye.
    open.push(async () => {
      lmtp.shutDown();
      imap.close();
      pop3.shutDown();
      managesieve.shutDown();
      sync.shutDown();
      const servers = [lmtp, pop3, managesieve, sync];
      await waitUntil(
        () => imap.sessions.size === 0 && servers.every(({ sessionCount }) => sessionCount === 0),
      );
    });

    const listen = config.get(listenOptions);
    const endpoints: Partial<Record<ServiceName, Endpoint>> = {};
    const start = async (
      service: ServiceName,
      addresses: readonly HostPort[],
      options: Service,
    ): Promise<void> => {
      if (!isServedBy(service, roles)) return;
      for (const { host, port } of addresses) {
        const listener = await systemNetwork
          .listen({
            host,
            port,
            proxyProtocolFrom: trustedProxies,
            ...options,
            ...refusedLog(logs.named(service)),
          })
          .catch((error: unknown) => failedToListen(host, port, error));
        open.push(() => listener.close());
        endpoints[service] ??= {
          host: reachableHost({ host, port }),
          port: listener.port,
          tls: options.implicitTls === true,
        };
      }
    };
    const takeImap = (connection: Connection): void => imap.accept(connection);
    await start("imap", listen.imap, { tls, onConnection: takeImap });
    await start("imaps", listen.imaps, { tls, implicitTls: true, onConnection: takeImap });
    const takePop3 = (connection: Connection): void => pop3.accept(connection);
    await start("pop3", listen.pop3, { tls, onConnection: takePop3 });
    await start("pop3s", listen.pop3s, { tls, implicitTls: true, onConnection: takePop3 });
    await start("managesieve", listen.managesieve, {
      tls,
      onConnection: (connection) => managesieve.accept(connection),
    });
    await start("lmtp", listen.lmtp, { tls, onConnection: (connection) => lmtp.accept(connection) });

    await start("csync", listen.csync, { tls, onConnection: (connection) => sync.accept(connection) });

    const submission = {
      outgoing: platform.outgoing,
      directory: directory.directory,
      settings: config.get(submissionOptions),
      hostName,
      tls,
      trustedProxies,
      allowPlaintext: config.get(directoryOptions).allowplaintext,
      log: logs.named("submission"),
      metrics: submissionMetrics(metrics.room("submission")),
    };
    for (const service of ["submission", "submissions"] as const) {
      for (const { host, port } of isServedBy(service, roles) ? listen[service] : []) {
        const implicitTls = service === "submissions";
        const listener = await listenSubmission({ host, port }, implicitTls, submission).catch(
          (error: unknown) => failedToListen(host, port, error),
        );
        open.push(() => listener.close());
        endpoints[service] ??= {
          host: reachableHost({ host, port }),
          port: listener.port,
          tls: implicitTls,
        };
      }
    }

    const activeSync = roles.includes("eas") ? await openActiveSync(config, platform) : undefined;
    open.push(async () => activeSync?.close());
    await listenWeb({
      platform,
      dataFolder,
      tls,
      trustedProxies,
      listen,
      gateways: activeSync === undefined ? [] : [activeSync.routes],
      failedToListen,
      onListening(service, listener, endpoint) {
        open.push(() => listener.close());
        endpoints[service] ??= endpoint;
      },
    });
    const migration = await startMigration(config, { logs, metrics, tls, platform });
    open.push(() => migration.stop());
    Object.assign(endpoints, migration.endpoints);
    // Held requests are answered before their listeners close.
    open.push(() => activeSync?.shutDown());

    const context: NodeContext = {
      ...platform.context,
      get defaultDomain() {
        return platform.defaultDomain();
      },
      endHeld: (userId, deviceId) => activeSync?.endHeld(userId, deviceId),
      disconnect(userId, reason) {
        activeSync?.endHeld(userId);
        imap.disconnect(userId, reason);
        pop3.disconnect(userId, reason);
        managesieve.disconnect(userId, reason);
      },
      reloadCertificates() {
        tls.reload();
        return Promise.resolve(describeCertificates(tls));
      },
      status: () => ({
        running: true,
        pid: process.pid,
        version: programVersion(),
        endpoints: Object.fromEntries(Object.entries(endpoints).map(([name, value]) => [name, { ...value }])),
      }),
    };
    const textSync = await openTextSyncSocket(dataFolder, syncServices);
    open.push(() => textSync.close());
    const socket = await openAdminSocket(dataFolder, operations, context);
    open.push(() => socket.close());
    platform.context.maintenance.start(maintenancePolicy(config.get(storeOptions)));
    log.info("serving", { endpoints, dataFolder, version: programVersion() });

    return {
      endpoints,
      log,
      platform,
      reload() {
        logs.reopen();
        try {
          tls.reload();
          log.info("certificates read again", { certificates: describeCertificates(tls) });
        } catch (error) {
          log.error("certificates not read again, the old ones stay in use", { err: error });
        }
      },
      stop: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

type Service = Pick<ListenOptions, "tls" | "implicitTls" | "onConnection">;

function refusedLog(log: Log): Pick<ListenOptions, "onRefused"> {
  return {
    onRefused: (reason, remote, error) =>
      log.info("connection refused", {
        reason,
        remote,
        ...(error === undefined ? {} : { err: error.message }),
      }),
  };
}

/** Looks again every few milliseconds, until the grace is over. */
async function waitUntil(done: () => boolean): Promise<void> {
  const endMs = systemClock.monotonicMs() + GRACE_MS;
  while (!done() && systemClock.monotonicMs() < endMs) {
    await new Promise<void>((resolve) => systemClock.setTimer(GRACE_STEP_MS, resolve));
  }
}

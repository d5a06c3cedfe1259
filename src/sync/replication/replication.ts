/** Replication of a node as its administrator sees it: single runs, and the channels that follow every change. */
import type { Clock } from "../../base/io/clock.ts";
import type { Disk } from "../../base/io/disk.ts";
import type { Network } from "../../base/io/network.ts";
import type { Random } from "../../base/io/random.ts";
import { readSmallFile } from "../../base/io/small-file.ts";
import type { Log } from "../../base/log.ts";
import { Secret } from "../../base/secret.ts";
import type { HostPort } from "../../config/kinds.ts";
import type { UserId } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import { connectReplica, type ReplicaAddress } from "../client/connect.ts";
import { Replica } from "../client/replica.ts";
import type { SyncRun } from "../client/run.ts";
import { Channel, type ChannelStatus } from "./channel.ts";
import type { ReplicationMetrics } from "./metrics.ts";
import type { ReplicationSettings } from "./options.ts";
import type { Roles } from "./roles.ts";

export interface ReplicationPorts {
  readonly store: Store;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Log;
  readonly settings: ReplicationSettings;
  readonly roles: Roles;
  readonly metrics: ReplicationMetrics;
}

export interface RunOptions {
  readonly address: HostPort;
  readonly channel: string;
  readonly force: boolean;
  readonly step: (text: string) => void;
}

export class Replication {
  readonly roles: Roles;
  readonly #ports: ReplicationPorts;
  readonly #channels: readonly Channel[];

  constructor(ports: ReplicationPorts) {
    this.#ports = ports;
    this.roles = ports.roles;
    const { settings, store, clock, random, log, metrics } = ports;
    const chosen = new Set(settings.users);
    this.#channels = [...settings.channels].map(
      ([name, address]) =>
        new Channel({
          name,
          host: `${address.host}:${address.port}`,
          store,
          clock,
          random,
          log,
          metrics,
          maxRetryDelayMs: settings.maxRetryDelayMs,
          connect: () => this.open({ address, channel: name, force: false, step: () => {} }),
          isWanted: (user) => (chosen.size === 0 || chosen.has(user)) && ports.roles.isMaster(user),
        }),
    );
    metrics.watch(() => this.#channels.map((channel) => channel.status()));
  }

  /** Address of a configured channel. */
  addressOf(channel: string): HostPort | undefined {
    return this.#ports.settings.channels.get(channel);
  }

  /** Connects and logs in. @throws ReplicaLost, ReplicaRefusal, the Node error of the connection */
  async open({ address, channel, force, step }: RunOptions): Promise<SyncRun> {
    const { store, clock, log, settings, metrics } = this.#ports;
    const { link, hasSieveMailbox } = await connectReplica(this.#replicaAddress(address), this.#ports);
    const replica = new Replica(link, hasSieveMailbox);
    if (force) await replica.force();
    return {
      store,
      replica,
      clock,
      log,
      force,
      maxBytesPerSecond: settings.maxRateBytes,
      step,
      uploaded: (messages, bytes) => metrics.uploaded(channel, messages, bytes),
    };
  }

  start(): void {
    for (const channel of this.#channels) channel.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel.stop()));
  }

  status(): readonly ChannelStatus[] {
    return this.#channels.map((channel) => channel.status());
  }

  /** Puts users into every channel's queue; how many it took. */
  enqueue(users: Iterable<UserId>): number {
    let count = 0;
    for (const user of users) {
      for (const channel of this.#channels) count += channel.enqueue(user) ? 1 : 0;
    }
    return count;
  }

  #replicaAddress({ host, port }: HostPort): ReplicaAddress {
    const { authname, password, tls, ca, serverName, compress, timeoutMs } = this.#ports.settings;
    return {
      host,
      port,
      user: authname,
      password: password ?? new Secret(""),
      tls,
      authorities: ca === undefined ? undefined : readSmallFile(this.#ports.disk, ca),
      serverName,
      compress,
      timeoutMs,
    };
  }
}

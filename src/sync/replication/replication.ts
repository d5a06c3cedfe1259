/** Replication of a node as its administrator sees it: single runs, and the channels that follow every change. */
import type { Clock } from "../../base/io/clock.ts";
import type { Disk } from "../../base/io/disk.ts";
import type { Network } from "../../base/io/network.ts";
import type { Programs } from "../../base/io/programs.ts";
import type { Random } from "../../base/io/random.ts";
import { readSmallFile } from "../../base/io/small-file.ts";
import type { Log } from "../../base/log.ts";
import { Secret } from "../../base/secret.ts";
import type { HostPort } from "../../config/kinds.ts";
import type { UserId } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import { SaltedPasswords } from "../../wire/sasl/salted-passwords.ts";
import { connectReplica, type ReplicaAddress, type Transport } from "../client/connect.ts";
import { Replica } from "../client/replica.ts";
import type { SyncRun } from "../client/run.ts";
import { TextReplica } from "../text/client/text-replica.ts";
import type { TextRun } from "../text/client/update-by-text.ts";
import type { Acknowledgements } from "./acknowledgements.ts";
import type { ChannelSettings } from "./channel-kind.ts";
import { Channel, type ChannelStatus } from "./channel.ts";
import { KeptReplica } from "./kept-replica.ts";
import type { ReplicationMetrics } from "./metrics.ts";
import type { ReplicationSettings } from "./options.ts";
import type { Roles } from "./roles.ts";
import { unfilteredUsers } from "./unfiltered-users.ts";

/** Users with scripts that are listed in the status. */
const MAX_UNFILTERED = 1000;

export interface ReplicationPorts {
  readonly store: Store;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly log: Log;
  readonly settings: ReplicationSettings;
  readonly roles: Roles;
  /** The store asks it, so it is older than this. */
  readonly acknowledgements: Acknowledgements;
  readonly programs: Programs;
  /** Users' scripts do not run on this node. */
  readonly sieveIsOff: boolean;
  readonly metrics: ReplicationMetrics;
}

export interface RunOptions {
  readonly address: HostPort;
  readonly channel: string;
  /** undefined = as the channel or the group of options says. */
  readonly transport?: Transport | undefined;
  readonly force: boolean;
  readonly step: (text: string) => void;
}

export class Replication {
  readonly roles: Roles;
  readonly #ports: ReplicationPorts;
  readonly #channels: readonly Channel[];
  /** Many runs log in to the same replicas. */
  readonly #saltedPasswords = new SaltedPasswords();
  readonly #kept: KeptReplica;
  #isServing = false;

  constructor(ports: ReplicationPorts) {
    this.#ports = ports;
    this.roles = ports.roles;
    this.#kept = new KeptReplica(ports.clock);
    this.#channels = [...ports.settings.channels].map(([name, own]) => this.#openChannel(name, own));
    ports.metrics.watch(() => this.#channels.map((channel) => channel.status()));
  }

  #openChannel(name: string, own: ChannelSettings): Channel {
    const { settings, store, clock, random, log, metrics, acknowledgements } = this.#ports;
    const { address } = own;
    const waits = (own.acknowledge ?? settings.acknowledge) === "replica";
    const channel = new Channel({
      name,
      host: `${address.host}:${address.port}`,
      store,
      clock,
      random,
      log,
      metrics,
      maxRetryDelayMs: settings.maxRetryDelayMs,
      acknowledgeTimeoutMs: waits ? settings.acknowledgeTimeoutMs : undefined,
      connect: () => this.open({ address, channel: name, force: false, step: () => {} }),
      isWanted: this.#sentBy(own),
    });
    if (waits) acknowledgements.add(channel);
    return channel;
  }

  /** Address of a configured channel. */
  addressOf(channel: string): HostPort | undefined {
    return this.#ports.settings.channels.get(channel)?.address;
  }

  /** Of the channel, or of a replica without one. */
  transportOf(channel: string): Transport {
    const { settings } = this.#ports;
    return settings.channels.get(channel)?.transport ?? settings.transport;
  }

  /**
   * Of whom the channel, or a replica without one, gets something: the users that are chosen, without those of whom this
   * node is a replica itself, unless it passes on what it gets.
   */
  sentBy(channel: string): (user: UserId) => boolean {
    return this.#sentBy(this.#ports.settings.channels.get(channel));
  }

  #sentBy(own: ChannelSettings | undefined): (user: UserId) => boolean {
    const { settings, roles } = this.#ports;
    const chosen = new Set(own?.users ?? settings.users);
    const isChain = own?.chain ?? settings.chain;
    return (user) => (chosen.size === 0 || chosen.has(user)) && (isChain || roles.isMaster(user));
  }

  /** Connects and logs in. @throws ReplicaLost, ReplicaRefusal, the Node error of the connection */
  async open(options: RunOptions): Promise<SyncRun> {
    const { address, channel, transport, force } = options;
    const { settings } = this.#ports;
    const own = settings.channels.get(channel);
    const replicaAddress = this.#replicaAddress(address, own, transport);
    const ports = { ...this.#ports, saltedPasswords: this.#saltedPasswords };
    const { link, hasSieveMailbox } = await connectReplica(replicaAddress, ports);
    const replica = new Replica(link, hasSieveMailbox);
    if (force) await replica.force();
    return this.#runOn(replica, options);
  }

  /** As `open`, for a run that ends with `release`: one soon after another goes on with its connection. */
  async borrow(options: RunOptions): Promise<SyncRun> {
    const replica = options.force ? undefined : this.#kept.take(keyOf(options));
    return replica === undefined ? await this.open(options) : this.#runOn(replica, options);
  }

  async release({ replica, force }: SyncRun, options: RunOptions): Promise<void> {
    // FORCE cannot be taken back; and a command that runs without a node ends at once.
    if (force || !this.#isServing) await replica.link.close();
    else await this.#kept.keep(keyOf(options), replica);
  }

  #runOn(replica: Replica, { channel, force, step }: RunOptions): SyncRun {
    const { store, clock, log, settings, metrics } = this.#ports;
    return {
      store,
      replica,
      clock,
      log,
      force,
      maxBytesPerSecond: settings.channels.get(channel)?.maxRateBytes ?? settings.maxRateBytes,
      step,
      uploaded: (messages, bytes) => metrics.uploaded(channel, messages, bytes),
    };
  }

  /**
   * Logs in by SSH and speaks the text dialect with what runs there.
   * @throws ReplicaLost with the program's last words
   */
  async openByText(host: string, step: (text: string) => void): Promise<TextRun> {
    const { store, clock, log, settings, metrics, programs } = this.#ports;
    const [file = "ssh", ...words] = settings.ssh.split(/\s+/).filter((word) => word !== "");
    // What begins with a dash would be an option.
    const connection = programs.start(file, [...words, "--", host, settings.sshServer]);
    const replica = await TextReplica.open(connection, clock, settings.timeoutMs);
    return {
      store,
      replica,
      clock,
      log,
      step,
      uploaded: (count, size) => metrics.uploaded("ssh", count, size),
    };
  }

  start(): void {
    this.#isServing = true;
    for (const channel of this.#channels) channel.start();
  }

  async stop(): Promise<void> {
    this.#isServing = false;
    await Promise.all([this.#kept.close(), ...this.#channels.map((channel) => channel.stop())]);
  }

  status(): readonly ChannelStatus[] {
    return this.#channels.map((channel) => channel.status());
  }

  /** Users whose active scripts do not run here: some, if there are many. */
  unfilteredUsers(): readonly UserId[] {
    if (!this.#ports.sieveIsOff) return [];
    return unfilteredUsers(this.#ports.store).take(MAX_UNFILTERED).toArray();
  }

  /** Puts users into every channel's queue; how many it took. */
  enqueue(users: Iterable<UserId>): number {
    let count = 0;
    for (const user of users) {
      for (const channel of this.#channels) count += channel.enqueue(user) ? 1 : 0;
    }
    return count;
  }

  #replicaAddress(
    { host, port }: HostPort,
    own: ChannelSettings | undefined,
    wanted: Transport | undefined,
  ): ReplicaAddress {
    const { timeoutMs, ...group } = this.#ports.settings;
    const { transport, authname, password, tls, ca, serverName, compress } = { ...group, ...own };
    return {
      transport: wanted ?? transport,
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

/** Runs with the same key may share a connection. */
function keyOf({ address: { host, port }, channel, transport }: RunOptions): string {
  return JSON.stringify([host, port, channel, transport]);
}

/** What the gateway keeps of one user while he is active: connections, the folder tree, who waits for news. */
import type { Clock } from "../../../base/io/clock.ts";
import type { Network } from "../../../base/io/network.ts";
import type { Random } from "../../../base/io/random.ts";
import type { Log } from "../../../base/log.ts";
import type { Secret } from "../../../base/secret.ts";
import { printCommand } from "../../../imap/client-command.ts";
import { connectImap, type ImapLink } from "../../../imap/client-connect.ts";
import { SieveClient } from "../../../managesieve/client.ts";
import { AccountError } from "../port.ts";
import { UserConnections } from "./connections.ts";
import { type RemoteFolder, type RemoteTree, readTree } from "./folder-tree.ts";
import type { GatewaySettings } from "./options.ts";
import type { SmtpLogin } from "./sending.ts";
import { Watcher } from "./watcher.ts";

export interface RemoteUserPorts {
  readonly settings: GatewaySettings;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** IMAP.COMMAND and RESOURCES of S2.68. */
  readonly commandLog: Log;
  readonly resourceLog: Log;
  readonly authorities: string | undefined;
}

/** Characters of a command in the log. */
const MAX_LOGGED = 1_000;

export interface RemoteIdentity {
  /** As the server wants it. */
  readonly loginName: string;
  readonly address: string;
  readonly domain: string;
  readonly displayName: string;
}

export class RemoteUser {
  readonly settings: GatewaySettings;
  readonly log: Log;
  readonly connections: UserConnections;
  readonly watcher: Watcher;
  readonly #ports: RemoteUserPorts;
  readonly #identity: RemoteIdentity;
  readonly #password: Secret;
  #tree: RemoteTree | undefined;

  constructor(ports: RemoteUserPorts, identity: RemoteIdentity, password: Secret) {
    this.#ports = ports;
    this.#identity = identity;
    this.#password = password;
    this.settings = ports.settings;
    this.log = ports.log;
    const connect = (): Promise<ImapLink> => this.#connect();
    const { maxConnections, keepConnectionsMs, pollIntervalMs } = ports.settings;
    this.connections = new UserConnections(
      connect,
      { maxConnections, keepMs: keepConnectionsMs },
      ports.clock,
    );
    this.watcher = new Watcher({
      connect,
      readTree: () => this.readTree(),
      pollMs: pollIntervalMs,
      clock: ports.clock,
      log: ports.log,
    });
  }

  get address(): string {
    return this.#identity.address;
  }
  get domain(): string {
    return this.#identity.domain;
  }
  get displayName(): string {
    return this.#identity.displayName;
  }
  get smtpLogin(): SmtpLogin {
    const { loginName, address } = this.#identity;
    return {
      user: loginName,
      password: this.#password.reveal(),
      address,
      authorities: this.#ports.authorities,
    };
  }

  /** From the server. @throws AccountError unavailable */
  async readTree(): Promise<RemoteTree> {
    this.#tree = await this.connections.use((lent) => readTree(lent, this.settings));
    return this.#tree;
  }

  /** As it was last seen. */
  async knownTree(): Promise<RemoteTree> {
    return this.#tree ?? (await this.readTree());
  }

  forgetTree(): void {
    this.#tree = undefined;
  }

  /** @throws AccountError folder_missing */
  async folderOf(key: string): Promise<RemoteFolder> {
    const known = (await this.knownTree()).byKey.get(key) ?? (await this.readTree()).byKey.get(key);
    if (known === undefined) throw new AccountError("folder_missing", "the folder is not there");
    return known;
  }

  /** A connection for the caller to close; undefined where no such server is known. @throws as SieveClient.connect */
  async openScripts(): Promise<SieveClient | undefined> {
    const { settings, authorities, network, clock, random } = this.#ports;
    const { managesieve, managesieveTls, verifyCertificates, timeoutMs } = settings;
    if (managesieve === undefined) return undefined;
    return SieveClient.connect(
      {
        host: managesieve.host === "" ? "127.0.0.1" : managesieve.host,
        port: managesieve.port,
        tls: managesieveTls,
        verify: verifyCertificates,
        authorities,
        user: this.#identity.loginName,
        password: this.#password,
        silenceMs: timeoutMs,
      },
      { network, clock, random },
    );
  }

  close(): void {
    this.watcher.close();
    this.connections.close();
  }

  async #connect(): Promise<ImapLink> {
    const { settings, authorities, network, clock, random, commandLog, resourceLog } = this.#ports;
    const user = this.#identity.address;
    const link = await connectImap(
      {
        host: settings.imap.host === "" ? "127.0.0.1" : settings.imap.host,
        port: settings.imap.port,
        tls: settings.imapTls,
        verify: settings.verifyCertificates,
        authorities,
        user: this.#identity.loginName,
        login: { kind: "password", password: this.#password },
        compress: false,
        silenceMs: settings.timeoutMs,
      },
      { network, clock, random },
    );
    resourceLog.debug("imap connection created", { user });
    link.client.onEnd(({ message }) =>
      resourceLog.debug("imap connection closed", { user, reason: message }),
    );
    if (commandLog.enabled("debug")) {
      link.client.configure({
        observe: (command) => commandLog.debug(printCommand(command).slice(0, MAX_LOGGED), { user }),
      });
    }
    return link;
  }
}

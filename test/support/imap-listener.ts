/** An IMAP server that listens on loopback, with real sockets and TLS: for what goes over the wire. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { systemClock } from "../../src/base/io/clock.ts";
import type { ClientTls, Connection, ListenOptions, Listener } from "../../src/base/io/network.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { TlsContexts } from "../../src/base/io/tls-contexts.ts";
import { Logs } from "../../src/base/log.ts";
import type { OauthSettings } from "../../src/directory/oauth-options.ts";
import type { DirectorySettings } from "../../src/directory/options.ts";
import { openDirectory } from "../../src/directory/open.ts";
import type { ImapSettings } from "../../src/imap/options.ts";
import { ImapServer } from "../../src/imap/server.ts";
import { makeSelfSignedCertificate } from "../../src/main/certificate.ts";
import { inboxOf } from "../../src/store/names.ts";
import { DEFAULT_NAMESPACE } from "../../src/store/namespace.ts";
import type { Store } from "../../src/store/port.ts";
import { SimClock } from "../sim/sim-clock.ts";
import { directorySettings } from "./directory-settings.ts";
import { IMAP_TEST_SETTINGS } from "./imap-host.ts";
import { openStore } from "./open-store.ts";
import { WirePeer } from "./wire-peer.ts";

export const PASSWORD = "secret";
const TRUST_ANYTHING: ClientTls = { verify: false };

export interface ImapListenerOptions {
  readonly settings?: Partial<ImapSettings>;
  readonly listen?: Partial<ListenOptions>;
  readonly allowPlaintext?: boolean;
  /** Commits in another thread, as a node does. */
  readonly committerThread?: boolean;
  readonly directory?: Partial<DirectorySettings>;
  readonly oauth?: OauthSettings;
}

export class ImapListener {
  readonly store: Store;
  readonly server: ImapServer;
  /** Only of the directory, whose delays a test lets pass. */
  readonly directoryClock = new SimClock();
  /** Errors that sessions logged. */
  readonly failures: string[] = [];
  readonly #listener: Listener;
  readonly #secureListener: Listener;

  static async open(context: TestContext, options: ImapListenerOptions = {}): Promise<ImapListener> {
    const folder = mkdtempSync(join(tmpdir(), "rookery-wire-"));
    const failures: string[] = [];
    const destination = (line: string): number => failures.push(line);
    const log = new Logs({ level: "error", format: "json", destination }).named("imap");
    const clock = new SimClock();
    const directory = openDirectory({
      folder,
      io: { clock, random: systemRandom },
      settings: directorySettings({
        allowplaintext: options.allowPlaintext ?? true,
        ...options.directory,
      }),
      log,
      ...(options.oauth === undefined ? {} : { oauth: options.oauth }),
    });
    const store = await openStore({
      folder: join(folder, "data"),
      inline: options.committerThread !== true,
    });
    await directory.admin?.addDomain("example.test", { isDefault: true });
    for (const [name, isProxy] of [
      ["alice", false],
      ["bob", false],
      ["frontend", true],
    ] as const) {
      await directory.admin?.addUser({ name, password: PASSWORD, isProxy });
      await store.create(inboxOf(name), {});
    }
    const server = new ImapServer({
      store,
      directory: directory.directory,
      clock: systemClock,
      log,
      settings: { ...IMAP_TEST_SETTINGS, ...options.settings },
      namespace: DEFAULT_NAMESPACE,
      hostName: "mail.example.test",
      version: "1.2.3",
      hasCertificate: true,
      allowPlaintext: options.allowPlaintext ?? true,
      urlAuthSecret: randomBytes(32),
    });
    const listening: ListenOptions = {
      host: "127.0.0.1",
      port: 0,
      tls: certificates(folder),
      onConnection: (connection) => server.accept(connection),
      ...options.listen,
    };
    const listener = await systemNetwork.listen(listening);
    const secureListener = await systemNetwork.listen({ ...listening, implicitTls: true });
    context.after(async () => {
      server.close();
      await listener.close();
      await secureListener.close();
      await directory.close();
      await store.close();
      rmSync(folder, { recursive: true });
    });
    return new ImapListener({ store, server, clock, failures, listener, secureListener });
  }

  private constructor(parts: {
    store: Store;
    server: ImapServer;
    clock: SimClock;
    failures: string[];
    listener: Listener;
    secureListener: Listener;
  }) {
    this.store = parts.store;
    this.server = parts.server;
    this.directoryClock = parts.clock;
    this.failures = parts.failures;
    this.#listener = parts.listener;
    this.#secureListener = parts.secureListener;
  }

  /** In the clear. */
  get address(): { readonly host: string; readonly port: number } {
    return { host: "127.0.0.1", port: this.#listener.port };
  }

  connectRaw(implicitTls = false): Promise<Connection> {
    return systemNetwork.connect({
      host: "127.0.0.1",
      port: (implicitTls ? this.#secureListener : this.#listener).port,
      tls: TRUST_ANYTHING,
      implicitTls,
    });
  }

  /** Before the greeting. */
  async connect(implicitTls = false): Promise<WirePeer> {
    return new WirePeer(await this.connectRaw(implicitTls));
  }

  /** Logged in. */
  async login(user = "alice"): Promise<WirePeer> {
    const peer = await this.connect();
    await peer.line();
    const answer = await peer.command(`LOGIN ${user} ${PASSWORD}`);
    if (!answer.at(-1)?.includes(" OK ")) throw new Error(`could not log in: ${answer.at(-1)}`);
    return peer;
  }

  async deliver(bytes: Buffer, user = "alice"): Promise<void> {
    const { id } = this.store.mailboxes.get(inboxOf(user));
    const body = this.store.stageBuffer(bytes);
    await this.store.append(id, [{ body, systemFlags: 0, keywords: [] }], { userId: user, sessionId: 0 });
  }
}

function certificates(folder: string): TlsContexts {
  const made = makeSelfSignedCertificate(["localhost"], Date.now(), randomBytes(16));
  const files = { certificate: join(folder, "tls.crt"), key: join(folder, "tls.key") };
  writeFileSync(files.certificate, made.certificatePem);
  writeFileSync(files.key, made.privateKeyPem);
  return new TlsContexts([files]);
}

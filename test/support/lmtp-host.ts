/** An LMTP server in this process for transcripts and fuzzing: real directory, store and delivery, clients over pipes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/base/io/random.ts";
import { Logs } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { NetworkList } from "../../src/base/networks.ts";
import { Delivery } from "../../src/delivery/delivery.ts";
import { deliveryMetrics } from "../../src/delivery/metrics.ts";
import type { DeliverySettings } from "../../src/delivery/options.ts";
import { Provision } from "../../src/delivery/provision.ts";
import { openDirectory } from "../../src/directory/open.ts";
import { lmtpMetrics } from "../../src/lmtp/metrics.ts";
import type { LmtpSettings } from "../../src/lmtp/options.ts";
import { LmtpServer } from "../../src/lmtp/server.ts";
import { parseAcl } from "../../src/store/acl.ts";
import { StoreError } from "../../src/store/errors.ts";
import type { Store } from "../../src/store/port.ts";
import type { SimClock } from "../sim/sim-clock.ts";
import { directorySettings } from "./directory-settings.ts";
import type { InlineStore } from "./inline-store.ts";
import { PipePeer } from "./pipe-peer.ts";
import { PipeEnd, TEST_TLS } from "./pipe.ts";
import type { TranscriptHost, TranscriptPeer } from "./transcript.ts";

/** Pipes come from 192.0.2.1; tests with real peers listen on loopback. */
const PIPES = new NetworkList(["192.0.2.0/24", "127.0.0.0/8"]);
const NOBODY = new NetworkList([]);

export class LmtpHost implements TranscriptHost {
  readonly clock: SimClock;
  readonly store: Store;
  readonly failures: string[] = [];
  /** What an operator reads: the log from level info on. */
  readonly events: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "rookery-lmtp-"));
  readonly #directory: ReturnType<typeof openDirectory>;
  readonly #ready: Promise<void>;
  readonly #logs: Logs;
  #lmtp: Partial<LmtpSettings> = {};
  #delivery: Partial<DeliverySettings> = {};
  #server: LmtpServer | undefined;
  #tls = false;
  readonly #inline: InlineStore;

  /** Closes the store with itself. */
  constructor(inline: InlineStore) {
    this.#inline = inline;
    this.clock = inline.clock;
    this.store = inline.store;
    this.#logs = new Logs({
      level: "info",
      format: "json",
      destination: (line) => {
        this.events.push(line);
        if (line.includes('"level":"error"')) this.failures.push(line);
      },
    });
    this.#directory = openDirectory({
      folder: this.#folder,
      io: { clock: this.clock, random: systemRandom },
      settings: directorySettings({ admins: ["postman"] }),
      log: this.#logs.named("directory"),
    });
    this.#ready = this.#prepare();
  }

  get server(): LmtpServer {
    return (this.#server ??= this.#makeServer());
  }

  #makeServer(): LmtpServer {
    const settings: DeliverySettings = {
      duplicateSuppression: true,
      overQuota: "temporary",
      plusFolders: true,
      plusPostRight: true,
      autocreate: true,
      autocreateFolders: new Map([["Junk", "junk"]]),
      autocreateQuotaBytes: 0,
      maxReceived: 20,
      ...this.#delivery,
    };
    const metrics = new Metrics();
    const { directory } = this.#directory;
    const common = { store: this.store, directory, clock: this.clock, hostName: "mail.example.test" };
    const log = this.#logs.named("lmtp");
    const provision = new Provision({ store: this.store, directory, settings, log });
    return new LmtpServer({
      ...common,
      delivery: new Delivery({
        ...common,
        provision,
        settings,
        log,
        metrics: deliveryMetrics(metrics.room("delivery")),
      }),
      settings: {
        trustedNetworks: PIPES,
        admins: [],
        maxMessageSizeBytes: 100_000,
        maxRecipients: 5,
        maxErrors: 5,
        maxConnections: 10,
        timeoutMs: 300_000,
        ...this.#lmtp,
      },
      tlsAvailable: true,
      random: systemRandom,
      log,
      metrics: lmtpMetrics(metrics.room("lmtp")),
    });
  }

  async #prepare(): Promise<void> {
    await this.#directory.admin?.addDomain("example.test", { isDefault: true });
    for (const name of ["alice", "bob", "postman"]) {
      await this.#directory.admin?.addUser({ name, password: "secret" });
    }
  }

  async connect(): Promise<TranscriptPeer> {
    await this.#ready;
    return this.open();
  }

  open(): PipePeer {
    const [server, client] = PipeEnd.pair(this.#tls ? TEST_TLS : undefined);
    const peer = new PipePeer(client);
    this.server.accept(server);
    return peer;
  }

  /**
   * Before the first client: `stranger` (its network is not trusted), `tls`, `permanent` (over quota is 552).
   * `create NAME`, `acl NAME WHO RIGHTS`, `quota ROOT BYTES`, `refuse CODE`, `advance MS`,
   * `holds NAME COUNT` (checks how many messages are there).
   */
  async directive(words: readonly string[]): Promise<void> {
    await this.#ready;
    const [word, first = "", second = "", third = ""] = words;
    if (word === "stranger") this.#lmtp = { trustedNetworks: NOBODY };
    else if (word === "tls") this.#tls = true;
    else if (word === "permanent") this.#delivery = { overQuota: "permanent" };
    else if (word === "create") await this.store.create(first, {});
    else if (word === "acl") {
      const { id, acl } = this.store.mailboxes.get(first);
      await this.store.setAcl(id, [...acl, ...parseAcl(`${second}\t${third}\t`)]);
    } else if (word === "quota") await this.store.quotas.set(first, { storageLimitBytes: Number(second) });
    else if (word === "refuse")
      this.#inline.refuseWith = new StoreError(first as StoreError["code"], "refused");
    else if (word === "advance") this.clock.advance(Number(first));
    else if (word === "holds") {
      const { exists } = this.store.mailboxes.get(first);
      if (exists !== Number(second)) throw new Error(`${first} holds ${exists} messages, not ${second}`);
    } else throw new Error(`unknown directive "${word}"`);
  }

  generalize(line: string): string {
    return line
      .replace(/\([a-z0-9]+-[a-z0-9]+\.\d+\)$/, "(<id>)")
      .replace(/^334 [A-Za-z0-9+/=]{8,}$/, "334 <any>");
  }

  async close(): Promise<void> {
    await this.#ready;
    this.server.shutDown();
    await this.#directory.close();
    await this.#inline.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

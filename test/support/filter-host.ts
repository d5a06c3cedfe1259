/** Delivery with users' scripts over the real store: real directory, scripts and filter, outbound mail collected. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/base/io/random.ts";
import { Logs } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { Delivery } from "../../src/delivery/delivery.ts";
import type { Envelope } from "../../src/delivery/envelope.ts";
import { deliveryMetrics } from "../../src/delivery/metrics.ts";
import type { DeliverySettings } from "../../src/delivery/options.ts";
import type { Outcome } from "../../src/delivery/outcome.ts";
import { Provision } from "../../src/delivery/provision.ts";
import { Scripts } from "../../src/delivery/scripts.ts";
import { SieveFilter } from "../../src/delivery/sieve-filter.ts";
import { openDirectory, type OpenDirectory } from "../../src/directory/open.ts";
import { DEFAULT_NAMESPACE } from "../../src/store/namespace.ts";
import type { Store } from "../../src/store/port.ts";
import { toUid } from "../../src/base/numbers.ts";
import type { SimClock } from "../sim/sim-clock.ts";
import { directorySettings } from "./directory-settings.ts";
import { type InlineStore, openInlineStore } from "./inline-store.ts";
import { MemoryOutbound } from "./memory-outbound.ts";

const SETTINGS: DeliverySettings = {
  duplicateSuppression: true,
  overQuota: "temporary",
  plusFolders: true,
  plusPostRight: false,
  autocreate: true,
  autocreateFolders: new Map([["Junk", "junk"]]),
  autocreateQuotaBytes: 0,
  maxReceived: 20,
};

export class FilterHost {
  readonly clock: SimClock;
  readonly store: Store;
  readonly outbound = new MemoryOutbound();
  readonly logLines: string[] = [];
  readonly scripts: Scripts;
  /** The operator's, by name. */
  readonly globalScripts = new Map<string, string>();
  readonly delivery: Delivery;
  readonly #directory: OpenDirectory;
  readonly #folder = mkdtempSync(join(tmpdir(), "rookery-filter-"));
  readonly #inline: InlineStore;

  private constructor(inline: InlineStore) {
    this.#inline = inline;
    this.clock = inline.clock;
    this.store = inline.store;
    const log = new Logs({
      level: "info",
      format: "json",
      destination: (line) => this.logLines.push(line),
    }).named("delivery");
    const io = { clock: this.clock, random: systemRandom };
    const { store, outbound } = this;
    this.#directory = openDirectory({ folder: this.#folder, io, settings: directorySettings(), log });
    const { directory } = this.#directory;
    const sieve = {
      enabled: true,
      maxScriptSizeBytes: 65_536,
      maxScripts: 10,
      maxRedirects: 8,
      globalFolder: undefined,
    };
    this.scripts = new Scripts({ store, ...io, settings: sieve, defaultDomain: () => "example.test" });
    const filter = new SieveFilter({
      store,
      directory,
      outbound,
      ...io,
      log,
      scripts: this.scripts,
      namespace: () => ({ ...DEFAULT_NAMESPACE, defaultDomain: "example.test" }),
      addressSeparator: "+",
      globalScripts: (name) => this.globalScripts.get(name),
      hostName: "mail.example.test",
      version: "1.2.3",
    });
    this.delivery = new Delivery({
      store,
      directory,
      provision: new Provision({ store, directory, settings: SETTINGS, log }),
      settings: SETTINGS,
      hostName: "mail.example.test",
      clock: this.clock,
      log,
      metrics: deliveryMetrics(new Metrics().room("delivery")),
      filter,
      outbound,
    });
  }

  static async open(): Promise<FilterHost> {
    const host = new FilterHost(await openInlineStore());
    await host.#directory.admin?.addDomain("example.test", { isDefault: true });
    await host.#directory.admin?.addUser({ name: "alice", password: "secret" });
    return host;
  }

  async close(): Promise<void> {
    await this.#directory.close();
    await this.#inline.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Makes it alice's active script. */
  async script(source: string): Promise<void> {
    await this.delivery.resolve("alice@example.test", {
      sizeBytes: 0,
      ignoreQuota: false,
      authenticatedAs: "",
    });
    await this.scripts.put("alice", "main", Buffer.from(source));
    await this.scripts.setActive("alice", "main");
  }

  /** Header lines with `\n`, a blank line, a body. */
  async deliver(
    text: string,
    envelope: { sender?: string; recipient?: string } = {},
  ): Promise<Outcome | undefined> {
    const bytes = Buffer.from(text.replaceAll("\n", "\r\n"));
    const addressee = await this.delivery.resolve(envelope.recipient ?? "alice@example.test", {
      sizeBytes: bytes.length,
      ignoreQuota: false,
      authenticatedAs: "",
    });
    const sender = envelope.sender ?? "bob@remote.test";
    const from: Envelope = {
      sender,
      senderText: sender,
      id: "l1",
      peerName: "mx.remote.test",
      peerAddress: "192.0.2.7",
      protocol: "LMTP",
      tls: "",
      authenticatedAs: "",
    };
    const message = { body: this.store.stageBuffer(bytes), head: bytes };
    return (await this.delivery.deliver(message, from, [addressee]))[0];
  }

  /** Texts in a mailbox of alice, with `\n`; "" = INBOX. */
  async texts(folder: string): Promise<string[]> {
    const mailbox = this.store.mailboxes.find(folder === "" ? "user.alice" : `user.alice.${folder}`);
    if (mailbox === undefined) return [];
    const view = await this.store.open(mailbox.id);
    const texts: string[] = [];
    for (const uid of view.uids.slice(0, view.count)) {
      texts.push(
        (await this.store.readBody(mailbox.id, toUid(uid))).toString("utf8").replaceAll("\r\n", "\n"),
      );
    }
    return texts;
  }

  async flagsOf(folder: string): Promise<{ systemFlags: number; keywords: readonly string[] }> {
    const { id } = this.store.mailboxes.get(folder === "" ? "user.alice" : `user.alice.${folder}`);
    const view = await this.store.open(id);
    const keywords = view.mailbox.keywords.filter(
      (_, bit) => ((view.keywordBits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0,
    );
    return { systemFlags: view.systemFlags[0] ?? 0, keywords };
  }
}

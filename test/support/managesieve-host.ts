/** A ManageSieve server in this process. */
import { systemRandom } from "../../src/base/io/random.ts";
import type { Connection } from "../../src/base/io/network.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { Scripts } from "../../src/delivery/scripts.ts";
import { managesieveMetrics } from "../../src/managesieve/metrics.ts";
import { ManagesieveServer } from "../../src/managesieve/server.ts";
import { SystemFlag } from "../../src/store/model.ts";
import { SessionHost } from "./session-host.ts";

export class ManagesieveHost extends SessionHost {
  readonly scripts = new Scripts({
    store: this.store,
    clock: this.clock,
    random: systemRandom,
    settings: {
      enabled: true,
      maxScriptSizeBytes: 2_000,
      maxScripts: 3,
      maxRedirects: 8,
      globalFolder: undefined,
    },
    defaultDomain: () => "example.test",
  });
  #referral: string | undefined;
  #server: ManagesieveServer | undefined;

  get server(): ManagesieveServer {
    return (this.#server ??= new ManagesieveServer({
      scripts: this.scripts,
      directory: this.directory.directory,
      settings: { timeoutMs: 1_800_000, loginTimeoutMs: 60_000, maxConnections: 10, maxErrors: 5 },
      hostName: "mail.example.test",
      version: "1.2.3",
      tlsAvailable: true,
      clock: this.clock,
      log: this.log,
      metrics: managesieveMetrics(new Metrics().room("managesieve")),
      referral: async () => Promise.resolve(this.#referral),
    }));
  }

  accept(connection: Connection): void {
    this.server.accept(connection);
  }

  shutDown(): void {
    this.server.shutDown();
  }

  /** `referral URL`: everybody is elsewhere. `message N`: prints nothing, checks how many messages and how many flagged. */
  async extraDirective([word, first = "", second = ""]: readonly string[]): Promise<void> {
    if (word === "referral") this.#referral = first;
    else if (word === "stored") {
      const { id, type } = this.store.mailboxes.get("user.alice.#sieve");
      const view = await this.store.open(id);
      const flagged = view.systemFlags.filter((flags) => (flags & SystemFlag.flagged) !== 0).length;
      const found = `${type} ${view.count} ${flagged}`;
      if (found !== `sieve ${first} ${second}`) throw new Error(`stored: ${found}`);
    } else throw new Error(`unknown directive "${word}"`);
  }

  override generalize(line: string): string {
    return line
      .replace(/^"(SIEVE|SASL)" "..*"$/, '"$1" "<any>"')
      .replace(/^"[A-Za-z0-9+/=]{16,}=*"$/, '"<any>"');
  }
}

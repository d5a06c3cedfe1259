/** A POP3 server in this process. */
import type { Connection } from "../../src/base/io/network.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { pop3Metrics } from "../../src/pop3/metrics.ts";
import type { Pop3Settings } from "../../src/pop3/options.ts";
import { Pop3Server } from "../../src/pop3/server.ts";
import { SessionHost } from "./session-host.ts";

export class Pop3Host extends SessionHost {
  #settings: Partial<Pop3Settings> = {};
  #server: Pop3Server | undefined;

  get server(): Pop3Server {
    return (this.#server ??= new Pop3Server({
      store: this.store,
      directory: this.directory.directory,
      settings: {
        timeoutMs: 600_000,
        loginTimeoutMs: 60_000,
        loginDelayMs: 0,
        expire: -1,
        markSeen: false,
        maxConnections: 10,
        maxErrors: 5,
        maxOutputBufferBytes: 524_288,
        ...this.#settings,
      },
      hostName: "mail.example.test",
      tlsAvailable: true,
      allowPlaintext: false,
      clock: this.clock,
      log: this.log,
      metrics: pop3Metrics(new Metrics().room("pop3")),
    }));
  }

  accept(connection: Connection): void {
    this.server.accept(connection);
  }

  shutDown(): void {
    this.server.shutDown();
  }

  /** Before the first client: `delay MS`, `expire DAYS`, `seen`. `olduidl`: ids are uids. `showafter S`. `holds COUNT`. `lastlogin S`. */
  async extraDirective([word, first = ""]: readonly string[]): Promise<void> {
    const { id, exists, pop3LastLogin } = this.store.mailboxes.get("user.alice");
    if (word === "delay") this.#settings = { ...this.#settings, loginDelayMs: Number(first) };
    else if (word === "expire") this.#settings = { ...this.#settings, expire: Number(first) };
    else if (word === "seen") this.#settings = { ...this.#settings, markSeen: true };
    else if (word === "olduidl") await this.store.setOptions(id, []);
    else if (word === "showafter") await this.store.setPop3(id, { showAfter: Number(first) });
    else if (word === "unseen") {
      const { unseen } = this.store.mailboxes.get("user.alice");
      if (unseen !== Number(first)) throw new Error(`INBOX holds ${unseen} unseen messages, not ${first}`);
    } else if (word === "holds") {
      if (exists !== Number(first)) throw new Error(`INBOX holds ${exists} messages, not ${first}`);
    } else if (word === "lastlogin") {
      if (pop3LastLogin !== Number(first)) throw new Error(`last login was ${pop3LastLogin}, not ${first}`);
    } else throw new Error(`unknown directive "${word}"`);
  }

  override generalize(line: string): string {
    return line.replace(/^\+ [A-Za-z0-9+/=]{8,}$/, "+ <any>").replace(/^SASL .*/, "SASL <any>");
  }
}

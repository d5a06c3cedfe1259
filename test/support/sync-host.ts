/** A csync server in this process: dialogues of a master by hand. */
import type { Connection } from "../../src/base/io/network.ts";
import { SyncServer } from "../../src/sync/server.ts";
import { SessionHost } from "./session-host.ts";

export class SyncHost extends SessionHost {
  readonly #partitions = new Set(["default"]);
  #server: SyncServer | undefined;

  get server(): SyncServer {
    return (this.#server ??= new SyncServer({
      store: this.store,
      clock: this.clock,
      log: this.log,
      partitions: this.#partitions,
      directory: this.directory.directory,
      settings: { timeoutMs: 1_800_000, maxConnections: 10, maxOutputBytes: 8_388_608 },
      hostName: "replica.example.test",
      version: "1.2.3",
      tlsAvailable: true,
    }));
  }

  accept(connection: Connection): void {
    this.server.accept(connection);
  }

  shutDown(): void {
    this.server.shutDown();
  }

  /**
   * `admin NAME`: may replicate. `partition NAME`: is here. `has NAME UIDS`: checks
   * the UIDs of the messages of a mailbox (`-` = no such mailbox).
   */
  async extraDirective([word, first = "", second = ""]: readonly string[]): Promise<void> {
    if (word === "admin") await this.directory.admin?.setAdmin(first, true);
    else if (word === "partition") this.#partitions.add(first);
    else if (word === "has") {
      const found = this.#uidsOf(first);
      if (found !== second) throw new Error(`has ${first}: ${found}`);
    } else throw new Error(`unknown directive "${word}"`);
  }

  #uidsOf(name: string): string {
    const mailbox = this.store.mailboxes.find(name);
    if (mailbox === undefined) return "-";
    const uids = [...this.store.readRecords(mailbox.id)].flat().map(({ uid }) => uid);
    return `${mailbox.uniqueId}:${uids.join(",")}`;
  }

  override generalize(line: string): string {
    return line;
  }
}

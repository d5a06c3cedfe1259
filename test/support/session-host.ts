/** What servers in this process need for transcripts and fuzzing: real directory and store, clients over pipes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connection } from "../../src/base/io/network.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { type Log, Logs } from "../../src/base/log.ts";
import { openDirectory, type OpenDirectory } from "../../src/directory/open.ts";
import { inboxOf } from "../../src/store/names.ts";
import type { Store } from "../../src/store/port.ts";
import type { SimClock } from "../sim/sim-clock.ts";
import { directorySettings } from "./directory-settings.ts";
import type { InlineStore } from "./inline-store.ts";
import { PipePeer } from "./pipe-peer.ts";
import { PipeEnd, TEST_TLS } from "./pipe.ts";
import type { TranscriptHost } from "./transcript.ts";

export abstract class SessionHost implements TranscriptHost {
  readonly clock: SimClock;
  readonly store: Store;
  /** Errors that sessions logged: there must be none. */
  readonly failures: string[] = [];
  readonly log: Log;
  readonly directory: OpenDirectory;
  readonly #folder = mkdtempSync(join(tmpdir(), "rookery-session-"));
  readonly #ready: Promise<void>;
  readonly #inline: InlineStore;
  #tls = true;

  /** Closes the store with itself. */
  constructor(inline: InlineStore) {
    this.#inline = inline;
    this.clock = inline.clock;
    this.store = inline.store;
    const destination = (line: string): number => this.failures.push(line);
    this.log = new Logs({ level: "error", format: "json", destination }).named("session");
    this.directory = openDirectory({
      folder: this.#folder,
      io: { clock: this.clock, random: systemRandom },
      settings: directorySettings(),
      log: this.log,
    });
    this.#ready = this.#prepare();
  }

  abstract accept(connection: Connection): void;
  abstract shutDown(): void;
  abstract extraDirective(words: readonly string[]): Promise<void>;

  async #prepare(): Promise<void> {
    await this.directory.admin?.addDomain("example.test", { isDefault: true });
    for (const name of ["alice", "bob"]) {
      await this.directory.admin?.addUser({ name, password: "secret" });
      await this.store.create(inboxOf(name), {});
    }
  }

  async connect(): Promise<PipePeer> {
    await this.#ready;
    return this.open();
  }

  open(): PipePeer {
    const [server, client] = PipeEnd.pair(this.#tls ? TEST_TLS : undefined);
    const peer = new PipePeer(client);
    this.accept(server);
    return peer;
  }

  /** `clear`: without TLS. `mail 3`: three messages in alice's INBOX. `advance MS`: the clock moves. */
  async directive(words: readonly string[]): Promise<void> {
    await this.#ready;
    const [word, first = ""] = words;
    if (word === "clear") this.#tls = false;
    else if (word === "mail") await this.deliver(Number(first));
    else if (word === "advance") this.clock.advance(Number(first));
    else await this.extraDirective(words);
  }

  async deliver(count: number): Promise<void> {
    const { lastUid } = this.store.mailboxes.get("user.alice");
    for (let number = lastUid + 1; number <= lastUid + count; number += 1) {
      await this.append(
        "user.alice",
        `Subject: Message ${number}\r\n\r\n.dots\r\n..\r\n${"x".repeat(number)}\r\n`,
      );
    }
  }

  async append(mailbox: string, text: string): Promise<void> {
    const body = this.store.stageBuffer(Buffer.from(text));
    const { id } = this.store.mailboxes.get(mailbox);
    await this.store.append(id, [{ body, systemFlags: 0, keywords: [] }], { userId: "", sessionId: 0 });
  }

  generalize(line: string): string {
    return line;
  }

  async close(): Promise<void> {
    await this.#ready;
    this.shutDown();
    await this.directory.close();
    await this.#inline.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

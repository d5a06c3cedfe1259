/** An IMAP server in this process for transcripts and fuzzing: real directory and store, clients over pipes. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/base/io/random.ts";
import { Logs } from "../../src/base/log.ts";
import type { DirectoryAdmin } from "../../src/directory/admin.ts";
import { openDirectory } from "../../src/directory/open.ts";
import type { ImapSettings } from "../../src/imap/options.ts";
import { ImapServer } from "../../src/imap/server.ts";
import type { ImapServices } from "../../src/imap/services.ts";
import { parseAcl } from "../../src/store/acl.ts";
import type { MailboxType } from "../../src/store/model.ts";
import { inboxOf } from "../../src/store/names.ts";
import { DEFAULT_NAMESPACE } from "../../src/store/namespace.ts";
import type { Store } from "../../src/store/port.ts";
import type { SimClock } from "../sim/sim-clock.ts";
import { directorySettings } from "./directory-settings.ts";
import type { InlineStore } from "./inline-store.ts";
import { PipePeer } from "./pipe-peer.ts";
import { PipeEnd, TEST_TLS } from "./pipe.ts";
import type { TranscriptHost } from "./transcript.ts";

export const IMAP_TEST_SETTINGS: ImapSettings = {
  timeoutMs: 1_800_000,
  loginTimeoutMs: 60_000,
  maxLineBytes: 65_536,
  maxMessageBytes: 1_000_000,
  maxLiteralBytes: 10_000,
  maxOutputBufferBytes: 524_288,
  maxBadCommands: 20,
  submissionUsers: ["bob"],
  bodyReadAheadBytes: 4_194_304,
};
const PASSWORD = "secret";
/** More than the store keeps tombstones by default. */
const DAYS_TO_EXPIRE = 40;

export class ImapHost implements TranscriptHost {
  readonly clock: SimClock;
  readonly store: Store;
  readonly server: ImapServer;
  readonly services: ImapServices;
  /** Errors that sessions logged: there must be none. */
  readonly failures: string[] = [];
  readonly #close: () => Promise<void>;
  readonly #folder = mkdtempSync(join(tmpdir(), "rookery-imap-"));
  readonly #users = new Map<string, string>();
  #raw = false;
  #tls = true;
  #ready: Promise<void>;
  readonly #admin: DirectoryAdmin | undefined;

  /** Closes the store with itself. */
  constructor(inline: InlineStore, settings: Partial<ImapSettings> = {}) {
    this.clock = inline.clock;
    const log = new Logs({
      level: "error",
      format: "json",
      destination: (line) => this.failures.push(line),
    }).named("imap");
    this.store = inline.store;
    const directory = openDirectory({
      folder: this.#folder,
      io: { clock: this.clock, random: systemRandom },
      settings: directorySettings(),
      log,
    });
    this.services = {
      store: this.store,
      directory: directory.directory,
      clock: this.clock,
      log,
      settings: { ...IMAP_TEST_SETTINGS, ...settings },
      namespace: DEFAULT_NAMESPACE,
      hostName: "mail.example.test",
      version: "1.2.3",
      hasCertificate: true,
      allowPlaintext: false,
      urlAuthSecret: Buffer.alloc(32, "secret"),
    };
    this.server = new ImapServer(this.services);
    this.#admin = directory.admin;
    this.#ready = this.#prepare();
    this.#close = async () => {
      this.server.close();
      await directory.close();
      await inline.close();
      rmSync(this.#folder, { recursive: true, force: true });
    };
  }

  async #prepare(): Promise<void> {
    await this.#admin?.addDomain("example.test", { isDefault: true });
    for (const user of ["alice", "bob"]) {
      await this.#admin?.addUser({ name: user, password: PASSWORD });
      await this.store.create(inboxOf(user), {});
    }
  }

  async connect(client: string): Promise<PipePeer> {
    await this.#ready;
    const peer = this.open();
    if (this.#raw) return peer;
    await peer.line();
    peer.send(Buffer.from(`x LOGIN ${this.#users.get(client) ?? "alice"} ${PASSWORD}\r\n`));
    for (let line = await peer.line(); !line?.startsWith("x OK"); line = await peer.line()) {
      if (line === undefined) throw new Error("could not log in");
    }
    return peer;
  }

  /** A connection as it comes, before the greeting. */
  open(): PipePeer {
    const [server, client] = PipeEnd.pair(this.#tls ? TEST_TLS : undefined);
    const peer = new PipePeer(client);
    this.server.accept(server);
    return peer;
  }

  /**
   * `raw`: clients are not logged in. `clear`: without TLS. `user 2 bob`: client 2 logs in as bob (`admin` is one).
   * `group staff bob`. `create user.alice.#calendars calendar`. `mail 3`: three
   * messages in alice's INBOX. `message user.alice From: x\n\ntext`: one of this text.
   * `expire`: what was expunged is gone for good.
   * `advance 60000`: the clock moves, in ms. `acl user.alice bob lrs`. `subscribe …`.
   */
  async directive(words: readonly string[]): Promise<void> {
    await this.#ready;
    const [word, first = "", second = "", third = ""] = words;
    if (word === "raw") this.#raw = true;
    else if (word === "clear") this.#tls = false;
    else if (word === "user") {
      this.#users.set(first, second);
      if (second === "admin") {
        await this.#admin?.addUser({ name: "admin", password: PASSWORD, isAdmin: true });
      }
    } else if (word === "group") {
      await this.#admin?.addGroup(first);
      await this.#admin?.addMember(first, second);
    } else if (word === "advance") this.clock.advance(Number(first));
    else if (word === "create")
      await this.store.create(first, second === "" ? {} : { type: second as MailboxType });
    else if (word === "acl") {
      const { id, acl } = this.store.mailboxes.get(first);
      await this.store.setAcl(id, [...acl, ...parseAcl(`${second}\t${third}\t`)]);
    } else if (word === "message") await this.#message(first, words.slice(2).join(" "));
    else if (word === "expire") await this.store.expire(this.clock.nowMs() / 1000 + DAYS_TO_EXPIRE * 86_400);
    else if (word === "mail") await this.deliver(Number(first));
    else throw new Error(`unknown directive "${word}"`);
  }

  async #message(mailbox: string, text: string): Promise<void> {
    const { id } = this.store.mailboxes.get(mailbox);
    const body = this.store.stageBuffer(Buffer.from(text.replaceAll("\\n", "\r\n")));
    await this.store.append(id, [{ body, systemFlags: 0, keywords: [] }], { userId: "alice", sessionId: 0 });
  }

  async deliver(count: number): Promise<void> {
    await this.#ready;
    const { id, lastUid } = this.store.mailboxes.get("user.alice");
    for (let number = lastUid + 1; number <= lastUid + count; number++) {
      const text =
        `Date: Thu, 1 Jan 2026 0${number % 10}:00:00 +0000\r\nFrom: Bob <bob@example.test>\r\n` +
        `To: alice@example.test\r\nSubject: Message ${number}\r\nMessage-ID: <${number}@example.test>\r\n\r\nBody ${number}\r\n`;
      const body = this.store.stageBuffer(Buffer.from(text));
      await this.store.append(id, [{ body, systemFlags: 0, keywords: [] }], {
        userId: "alice",
        sessionId: 0,
      });
    }
  }

  generalize(line: string): string {
    return line
      .replace(/(UIDVALIDITY|APPENDUID|COPYUID) \d+/g, "$1 <num>")
      .replace(/MAILBOXID \([^)]*\)/g, "MAILBOXID (<id>)")
      .replace(/CAPABILITY [^\]]*/g, "CAPABILITY <any>");
  }

  async close(): Promise<void> {
    await this.#ready;
    await this.#close();
  }
}

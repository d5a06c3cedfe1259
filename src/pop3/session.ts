/**
 * One POP3 session (RFC 1939): bytes in, replies out, over a Connection it does not own.
 *
 * Commands run one after the other in the order they came, however many are pipelined (RFC 2449 §6.6). The maildrop is
 * locked from login to the end; messages are removed at QUIT and nowhere else, so a lost connection removes nothing.
 */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/io/clock.ts";
import type { Connection } from "../base/io/network.ts";
import type { Log } from "../base/log.ts";
import type { AuthContext, Directory, Identity, SaslExchange } from "../directory/port.ts";
import { StoreError } from "../store/errors.ts";
import { inboxOf } from "../store/names.ts";
import type { Actor, Store } from "../store/port.ts";
import { InputBuffer, type Line } from "../wire/input-buffer.ts";
import { Output } from "../wire/output.ts";
import { SilenceWatch } from "../wire/silence-watch.ts";
import { Throttle } from "../wire/throttle.ts";
import { POP3_COMMANDS } from "./commands/table.ts";
import { Maildrop } from "./maildrop.ts";
import type { MaildropLocks } from "./maildrop-locks.ts";
import type { Pop3Metrics } from "./metrics.ts";
import type { Pop3Settings } from "./options.ts";
import { Refusal, type Reply, replyTo } from "./reply.ts";

export interface Pop3Ports {
  readonly store: Store;
  readonly directory: Directory;
  readonly settings: Pop3Settings;
  readonly hostName: string;
  readonly tlsAvailable: boolean;
  /** Whether passwords are taken without TLS (directory.allowplaintext). */
  readonly allowPlaintext: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pop3Metrics;
  /** Makes INBOX before the first login is answered. */
  readonly provision?: ((identity: Identity) => Promise<void>) | undefined;
}

/** Received and not yet handled; above it the connection is paused. */
const MAX_WAITING_INPUT_BYTES = 65_536;
/** Without a login delay the last login is kept this exactly, so that frequent polls cost no writes. */
const LAST_LOGIN_STEP_S = 60;

type LineHandler = (line: string) => Reply | undefined | Promise<Reply | undefined>;

export class Pop3Session {
  readonly connection: Connection;
  readonly ports: Pop3Ports;
  readonly id: number;
  readonly out: Output;
  readonly #input = new InputBuffer();
  readonly #locks: MaildropLocks;
  readonly #closed: () => void;
  #lineHandler: LineHandler | undefined;
  #drainWaiter: (() => void) | undefined;
  #busy = false;
  #ended = false;
  #stopReason: string | undefined;
  #errors = 0;
  readonly #silence: SilenceWatch;
  readonly #throttle: Throttle;
  #identity: Identity | undefined;
  #maildrop: Maildrop | undefined;
  #fetched = new Set<number>();
  /** Given by USER, for the PASS that follows (RFC 1939 §7). */
  userName: string | undefined;
  /** RFC 6856 §2. */
  utf8 = false;

  /** @param closed called once when the session is over */
  constructor(
    connection: Connection,
    ports: Pop3Ports,
    locks: MaildropLocks,
    id: number,
    closed: () => void = () => {},
  ) {
    this.connection = connection;
    this.ports = ports;
    this.id = id;
    this.#locks = locks;
    this.#closed = closed;
    this.out = new Output((bytes) => connection.write(bytes));
    this.#throttle = new Throttle(connection);
    ports.metrics.sessions.inc();
    connection.onData((chunk) => this.#receive(chunk));
    connection.onDrain(() => this.#drained());
    connection.onClose((error) => this.#onClose(error));
    const { timeoutMs, loginTimeoutMs } = ports.settings;
    this.#silence = new SilenceWatch(ports.clock, {
      limitMs: () => (this.isLoggedIn ? timeoutMs : loginTimeoutMs),
      isBusy: () => this.#busy,
      // RFC 1939 §3: closed without a word and without removing anything.
      onSilent: () => connection.end(),
    });
    connection.write(`+OK ${ports.hostName} POP3 Rookery ready\r\n`);
  }

  get ended(): boolean {
    return this.#ended;
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  get maildrop(): Maildrop {
    assert(this.#maildrop !== undefined, "no maildrop is open");
    return this.#maildrop;
  }

  get isLoggedIn(): boolean {
    return this.#maildrop !== undefined;
  }

  get mayTakePassword(): boolean {
    return this.connection.tls !== undefined || this.ports.allowPlaintext;
  }

  get canStartTls(): boolean {
    return this.ports.tlsAvailable && this.connection.tls === undefined && !this.isLoggedIn;
  }

  get authContext(): AuthContext {
    const { remoteAddress, tls } = this.connection;
    return { protocol: "pop3", remoteAddress, tls, session: this.id };
  }

  /** @throws AuthError */
  startSasl(mechanism: string): SaslExchange {
    return this.ports.directory.startSasl(mechanism, this.authContext);
  }

  /** Ends when the command that runs is done; nothing is removed. */
  shutDown(reason: string): void {
    this.#stopReason = reason;
    if (!this.#busy) this.#hangUp(`-ERR [SYS/TEMP] ${reason}`);
  }

  /**
   * Opens and locks the maildrop of a user whose credentials were right.
   * @throws Refusal IN-USE, LOGIN-DELAY; StoreError
   */
  async login(identity: Identity): Promise<Reply> {
    const { store, settings, clock, metrics } = this.ports;
    await this.ports.provision?.(identity);
    const { id, pop3LastLogin } = store.mailboxes.get(inboxOf(identity.userId));
    const nowS = Math.floor(clock.nowMs() / 1000);
    if (pop3LastLogin + settings.loginDelayMs / 1000 > nowS && settings.loginDelayMs > 0) {
      throw new Refusal("[LOGIN-DELAY] Logged in less than the minimum time ago");
    }
    if (!this.#locks.take(id)) throw new Refusal("[IN-USE] Another session has the maildrop");
    try {
      if (settings.loginDelayMs > 0 || nowS - pop3LastLogin >= LAST_LOGIN_STEP_S) {
        await this.#noteLogin(id, nowS);
      }
      const view = await store.open(id);
      this.#maildrop = new Maildrop(view);
      view.release();
    } finally {
      // With a maildrop the end of the session frees it.
      if (this.#maildrop === undefined) this.#locks.release(id);
    }
    this.#identity = identity;
    metrics.logins.inc();
    return `+OK Maildrop has ${this.maildrop.count} messages (${this.maildrop.liveBytes} octets)`;
  }

  /** The next line is not a command but goes to `handle`. */
  expectLine(handle: LineHandler): void {
    this.#lineHandler = handle;
  }

  /** Resolves when there is room for more output; false when the session is over. */
  async hasRoom(): Promise<boolean> {
    this.out.flush();
    if (this.connection.bufferedBytes > this.ports.settings.maxOutputBufferBytes && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#drainWaiter = resolve;
      });
    }
    return !this.#ended;
  }

  noteFetched(number: number): void {
    this.ports.metrics.retrieved.inc();
    if (this.ports.settings.markSeen) this.#fetched.add(number);
  }

  get actor(): Actor {
    return { userId: this.#identity?.userId ?? "", sessionId: 0 };
  }

  /** UPDATE (RFC 1939 §6): removes what DELE marked. @throws StoreError */
  async update(): Promise<number> {
    const { store, metrics, log } = this.ports;
    const maildrop = this.maildrop;
    const { id } = maildrop.mailbox;
    const uids = maildrop.deletedUids();
    const seen = [...this.#fetched]
      .filter((number) => maildrop.has(number))
      .map((number) => maildrop.uid(number));
    if (seen.length > 0) {
      await store.storeFlags(id, seen, { mode: "add", systemFlags: 32, keywords: [] }, this.actor);
    }
    if (uids.length === 0) return 0;
    const { uids: gone } = await store.expunge(id, uids, { onlyDeleted: false }, this.actor);
    metrics.deleted.inc(gone.length);
    log.info("messages removed", { session: this.id, user: this.#identity?.userId, count: gone.length });
    return gone.length;
  }

  async startTls(reply: Reply): Promise<void> {
    this.connection.write(`${reply}\r\n`);
    this.#input.clear();
    this.userName = undefined;
    this.utf8 = false;
    await this.connection.startTls();
  }

  /** Half way through a message nothing can be said any more. */
  cut(error: unknown): void {
    this.ports.log.warn("message could not be sent whole", { session: this.id, err: error });
    this.#ended = true;
    this.connection.destroy();
  }

  /** Says a last word and closes. */
  end(reply: Reply): void {
    this.#hangUp(reply);
  }

  async #noteLogin(id: number, nowS: number): Promise<void> {
    try {
      await this.ports.store.setPop3(id, { lastLogin: nowS });
    } catch (error) {
      // On a replica mail can be read, only this cannot be written.
      if (!(error instanceof StoreError && error.code === "read_only")) throw error;
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.#silence.heard();
    this.#input.push(chunk);
    this.#pump();
  }

  #drained(): void {
    const waiter = this.#drainWaiter;
    this.#drainWaiter = undefined;
    waiter?.();
    this.#pump();
  }

  #pump(): void {
    while (!this.#busy && !this.#ended) {
      if (this.connection.bufferedBytes > this.ports.settings.maxOutputBufferBytes) break;
      const line = this.#input.nextLine();
      if (line === undefined) break;
      const handler = this.#lineHandler;
      this.#lineHandler = undefined;
      this.#run(() => (handler === undefined ? this.#runLine(line) : handler(textOf(line))));
    }
    if (!this.#ended) this.#throttle.set(this.#input.length > MAX_WAITING_INPUT_BYTES);
  }

  #runLine(line: Line): Reply | undefined | Promise<Reply | undefined> {
    const text = textOf(line);
    const space = text.indexOf(" ");
    const name = (space < 0 ? text : text.slice(0, space)).toUpperCase();
    const command = POP3_COMMANDS.get(name);
    if (command === undefined) throw new Refusal("Command is unknown");
    if (command.state === "transaction" && !this.isLoggedIn) throw new Refusal("Log in first");
    if (command.state === "authorization" && this.isLoggedIn) throw new Refusal("Logged in already");
    // A PASS may hold spaces anywhere (RFC 1939 §7), so nothing is trimmed here.
    return command.run(this, space < 0 ? "" : text.slice(space + 1));
  }

  /** Runs `work` and answers; while it waits nothing else runs. */
  #run(work: () => Reply | undefined | Promise<Reply | undefined>): void {
    let result;
    try {
      result = work();
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (!(result instanceof Promise)) {
      this.#answer(result);
      return;
    }
    this.#busy = true;
    result
      .then(
        (reply) => this.#answer(reply),
        (error: unknown) => this.#fail(error),
      )
      .finally(() => {
        this.#busy = false;
        if (this.#ended) this.#freeMaildrop();
        this.#pump();
      });
  }

  #answer(reply: Reply | undefined): void {
    if (this.#ended) return;
    if (reply !== undefined) {
      this.#errors = reply.startsWith("-ERR") ? this.#errors + 1 : 0;
      this.out.bytes(Buffer.from(`${reply}\r\n`));
    }
    this.out.flush();
    if (this.#errors > this.ports.settings.maxErrors) this.#hangUp("-ERR Too many errors");
    else if (this.#stopReason !== undefined) this.#hangUp(`-ERR [SYS/TEMP] ${this.#stopReason}`);
  }

  #fail(error: unknown): void {
    const reply = replyTo(error);
    if (reply !== undefined) {
      this.#answer(reply);
      return;
    }
    // A bug or a failing part of ours: this session ends, the others go on.
    this.ports.log.error("session failed", { session: this.id, user: this.#identity?.userId, err: error });
    this.#hangUp("-ERR [SYS/TEMP] Internal error");
  }

  #hangUp(reply: Reply): void {
    if (this.#ended) return;
    this.out.flush();
    this.#ended = true;
    this.connection.end(`${reply}\r\n`);
  }

  #freeMaildrop(): void {
    if (this.#maildrop !== undefined) this.#locks.release(this.#maildrop.mailbox.id);
    this.#maildrop = undefined;
  }

  #onClose(error: Error | undefined): void {
    this.#ended = true;
    this.#silence.stop();
    this.#drainWaiter?.();
    this.#drainWaiter = undefined;
    // A removal that runs keeps the lock until it is done.
    if (!this.#busy) this.#freeMaildrop();
    this.ports.metrics.sessions.dec();
    if (error !== undefined) this.ports.log.debug("connection lost", { session: this.id, err: error });
    this.#closed();
  }
}

/** @throws Refusal */
function textOf(line: Line): string {
  if (line.kind === "line") return line.text;
  if (line.kind === "too_long") throw new Refusal("Line is too long");
  throw new Refusal(line.kind === "not_utf8" ? "Line is not UTF-8" : "Lines end with CRLF");
}

/**
 * One IMAP session: bytes in, responses out. It owns no socket; the connection is given (base/io/network.ts).
 *
 * Promises: commands run one after the other in the order sent, so pipelining is never ambiguous (RFC 9051 §5.5);
 * input waits unread while a command runs or the reader is slow, so neither side can grow memory; what other sessions
 * changed is told at the end of each command, from one place (`selected.ts`); a command that hits a bug ends only
 * this session. It does not know what commands do: those are files in `commands/`.
 */
import { assert } from "../base/assert.ts";
import type { Timer } from "../base/io/clock.ts";
import type { Connection } from "../base/io/network.ts";
import type { AuthContext, Identity } from "../directory/port.ts";
import { effectiveRights, requireRights, type Accessor } from "../store/access.ts";
import { Right, type Rights } from "../store/acl.ts";
import { StoreError } from "../store/errors.ts";
import type { Mailbox, MailboxName } from "../store/model.ts";
import { Namespace } from "../store/namespace.ts";
import type { Actor, BodyWriter } from "../store/port.ts";
import { Output } from "../wire/output.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { Framer, type AnnouncedLiteral, type Frame, type FrameEvent } from "./codec/framer.ts";
import { Reader } from "./codec/reader.ts";
import { lineText, writeAstring } from "./codec/writer.ts";
import type { Command, CommandCall, Completion } from "./command.ts";
import { bad, no } from "./refusal.ts";
import { refusalOf } from "./reply.ts";
import type { Selected } from "./selected.ts";
import type { ImapServices } from "./services.ts";

/** Messages up to this size are kept in memory until their command runs; larger ones are staged in the store. */
const MAX_MESSAGE_IN_MEMORY_BYTES = 64 * 1024;
/** What all literals of one command may hold in memory together. */
const MAX_LITERALS_IN_MEMORY_BYTES = 1024 * 1024;
/** Waiting-free literals before login: RFC 7888 §5 (LITERAL-). */
const MAX_UNASKED_LITERAL_BYTES = 4096;
/** Literals before login: credentials are small. */
const MAX_LITERAL_BEFORE_LOGIN_BYTES = 16 * 1024;
/** Input that waits for a running command; above it the connection is paused. */
const MAX_WAITING_INPUT_BYTES = 256 * 1024;
/** Longer tags are not repeated in refusals of what could not be read. */
const MAX_REPEATED_TAG_CHARACTERS = 128;
/** The longest stretch of work before other sessions get a turn. */
const SLICE_MS = 8;

export class Session {
  readonly services: ImapServices;
  /** Unique in the process; stands in the log and marks the session's own changes in the store. */
  readonly id: number;
  readonly out: Output;
  connection: Connection;
  identity: Identity | undefined;
  /** Upper-case names that ENABLE turned on (RFC 9051 §6.3.1): IMAP4REV2, CONDSTORE, QRESYNC, UTF8=ACCEPT … */
  readonly enabled = new Set<string>();
  /** Free for extensions that keep state in a session: keyed by the extension's own symbol or class. */
  readonly extensions = new Map<unknown, unknown>();

  readonly #table: ReadonlyMap<string, Command>;
  readonly #framer: Framer;
  readonly #closed: (session: Session) => void;
  #namespace: Namespace | undefined;
  #accessor: Accessor | undefined;
  #selected: Selected | undefined;
  #running: string | undefined;
  #pumping = false;
  #paused = false;
  #ended = false;
  #lineWaiter: ((line: Buffer | undefined) => void) | undefined;
  #drainWaiters: (() => void)[] = [];
  #staging: BodyWriter | undefined;
  #literalBytes = 0;
  #badCommands = 0;
  #turnStartMs = 0;
  #lastInputMs: number;
  #timer: Timer | undefined;
  #endListeners = new Set<() => void>();

  constructor(
    services: ImapServices,
    connection: Connection,
    id: number,
    table: ReadonlyMap<string, Command>,
    closed: (session: Session) => void,
  ) {
    this.services = services;
    this.connection = connection;
    this.id = id;
    this.#table = table;
    this.#closed = closed;
    this.#framer = new Framer(services.settings.maxLineBytes);
    this.out = new Output((bytes) => this.connection.write(bytes));
    this.#lastInputMs = services.clock.monotonicMs();
  }

  /** Greets and begins to read. */
  start(): void {
    this.attach(this.connection);
    this.untagged(`OK [CAPABILITY ${capabilitiesOf(this)}] ${this.services.hostName} Rookery ready`);
    this.out.flush();
    this.#armTimer(this.services.settings.loginTimeoutMs);
  }

  // State

  get ended(): boolean {
    return this.#ended;
  }

  get rev2(): boolean {
    return this.enabled.has("IMAP4REV2");
  }

  /** Quoted strings and mailbox names may be UTF-8 (RFC 6855 §3, RFC 9051 §5.1). */
  get utf8(): boolean {
    return this.enabled.has("UTF8=ACCEPT") || this.rev2;
  }

  /** FETCH responses carry MODSEQ (RFC 7162 §3.1). */
  get condstore(): boolean {
    return this.enabled.has("CONDSTORE");
  }

  get canStartTls(): boolean {
    return this.services.hasCertificate && this.connection.tls === undefined;
  }

  get mayTakePassword(): boolean {
    return this.connection.tls !== undefined || this.services.allowPlaintext;
  }

  get authContext(): AuthContext {
    const { remoteAddress, tls } = this.connection;
    return { protocol: "imap", remoteAddress, tls };
  }

  saslMechanisms(): readonly string[] {
    return this.services.directory.mechanisms(this.authContext);
  }

  get user(): string {
    return this.accessor.userId;
  }

  get accessor(): Accessor {
    assert(this.#accessor !== undefined, "nobody is logged in");
    return this.#accessor;
  }

  get namespace(): Namespace {
    assert(this.#namespace !== undefined, "nobody is logged in");
    return this.#namespace;
  }

  /** Who makes the changes of this session. */
  get by(): Actor {
    return { userId: this.user, sessionId: this.id };
  }

  async login(identity: Identity, mechanism: string): Promise<void> {
    await this.services.provision?.(identity);
    const { userId, isAdmin, groups } = identity;
    this.identity = identity;
    this.#accessor = { userId, isAdmin, groups };
    this.#namespace = new Namespace(this.#accessor, this.services.namespace);
    this.#armTimer(this.services.settings.timeoutMs);
    this.services.log.info("login", {
      session: this.id,
      user: userId,
      ...(identity.authenticatedAs === userId ? {} : { as: identity.authenticatedAs }),
      mechanism,
      remote: this.connection.remoteAddress,
      tls: this.connection.tls?.protocol ?? "none",
    });
  }

  /** RFC 8437: as before the login, on the same connection. */
  logout(): void {
    this.select(undefined);
    this.identity = this.#accessor = this.#namespace = undefined;
    this.enabled.clear();
    this.extensions.clear();
    this.#armTimer(this.services.settings.loginTimeoutMs);
  }

  /** The selected mailbox; the dispatcher has checked that there is one. */
  get selected(): Selected {
    assert(this.#selected !== undefined, "no mailbox is selected");
    return this.#selected;
  }

  get selectedOrUndefined(): Selected | undefined {
    return this.#selected;
  }

  /** Leaves the selected mailbox, if any, for another or for none. */
  select(selected: Selected | undefined): void {
    this.#selected?.release();
    this.#selected = selected;
  }

  // Mailboxes

  /** Internal name of what the client wrote. @throws StoreError mailbox_name_invalid */
  internalName(name: string): MailboxName {
    return this.namespace.toInternal(name, this.utf8 ? "utf8" : "mutf7");
  }

  /** As the client writes it; undefined when this user has no name for it. */
  externalName(name: MailboxName): string | undefined {
    return this.namespace.toExternal(name, this.utf8 ? "utf8" : "mutf7");
  }

  /** A mailbox by the client's name, when the user has `rights` on it. @throws StoreError mailbox_not_found, permission_denied */
  mailbox(name: string, rights: Rights = Right.lookup): Mailbox {
    const mailbox = this.services.store.mailboxes.get(this.internalName(name));
    requireRights(mailbox, this.accessor, rights);
    return mailbox;
  }

  rightsOn(mailbox: Mailbox): Rights {
    return effectiveRights(mailbox, this.accessor);
  }

  writeMailboxName(external: string): void {
    writeAstring(this.out, external, this.utf8);
  }

  // Output

  /** `* text`. */
  untagged(text: string): void {
    this.out.ascii("* ").ascii(text).ascii("\r\n");
  }

  /** `+ text`, at once. */
  continuation(text: string): void {
    this.out.ascii(`+ ${text}\r\n`).flush();
  }

  /** Undefined while there is room for more output; otherwise wait for it. Long answers ask after each message. */
  pause(): Promise<void> | undefined {
    if (this.connection.bufferedBytes > this.services.settings.maxOutputBufferBytes) {
      return new Promise((resolve) => this.#drainWaiters.push(resolve));
    }
    const nowMs = this.services.clock.monotonicMs();
    if (nowMs - this.#turnStartMs < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#turnStartMs = this.services.clock.monotonicMs();
        resolve();
      });
    });
  }

  /** The next line of the client, for AUTHENTICATE and IDLE; undefined when the connection ended. */
  nextLine(): Promise<Buffer | undefined> {
    assert(this.#lineWaiter === undefined, "two wait for one line");
    this.out.flush();
    return new Promise((resolve) => {
      if (this.#ended) resolve(undefined);
      else {
        this.#lineWaiter = resolve;
        // Not from inside the pump: the line may be there already.
        queueMicrotask(() => this.#pump());
      }
    });
  }

  /** Tells what changed in the selected mailbox. Not inside the answer of a command that holds expunges. */
  tellUpdates(options: { expunges: boolean; uids?: boolean }): void {
    const selected = this.#selected;
    if (selected === undefined) return;
    if (selected.isGone) this.bye("The selected mailbox was deleted");
    else selected.tellUpdates(options);
  }

  /** Last words, then the end. */
  bye(text: string): void {
    if (this.#ended) return;
    this.untagged(`BYE ${lineText(text)}`);
    this.out.flush();
    this.connection.end();
    this.#end();
  }

  /** Ends after what is written: LOGOUT. */
  close(): void {
    if (this.#ended) return;
    this.out.flush();
    this.connection.end();
    this.#end();
  }

  onEnd(listener: () => void): () => void {
    this.#endListeners.add(listener);
    return () => this.#endListeners.delete(listener);
  }

  // Connection

  /** Reads from and writes to this connection from now on: at the start, and when COMPRESS puts a layer on it. */
  attach(connection: Connection): void {
    this.connection = connection;
    connection.onData((chunk) => {
      this.#lastInputMs = this.services.clock.monotonicMs();
      this.#framer.push(chunk);
      this.#pump();
    });
    connection.onDrain(() => {
      const waiters = this.#drainWaiters;
      this.#drainWaiters = [];
      for (const resolve of waiters) resolve();
      this.#pump();
    });
    connection.onClose((error) => {
      if (error !== undefined) this.services.log.debug("connection lost", { session: this.id, err: error });
      this.#end();
    });
  }

  /** Input that was not read yet: COMPRESS gives it to its own layer. */
  takeUnread(): Buffer {
    return this.#framer.takeUnread();
  }

  async startTls(): Promise<void> {
    this.#framer.clear();
    await this.connection.startTls();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    this.#staging?.discard();
    this.#staging = undefined;
    const waiter = this.#lineWaiter;
    this.#lineWaiter = undefined;
    waiter?.(undefined);
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
    for (const listener of this.#endListeners) listener();
    // A command that still runs uses the mailbox until it ends.
    if (this.#running === undefined) this.select(undefined);
    this.#closed(this);
  }

  /** Autologout (RFC 9051 §5.4): one timer that looks at the clock when it fires, not one a command. */
  #armTimer(limitMs: number): void {
    this.#timer?.cancel();
    if (limitMs === 0 || this.#ended) return;
    const idleMs = this.services.clock.monotonicMs() - this.#lastInputMs;
    this.#timer = this.services.clock.setTimer(Math.max(limitMs - idleMs, 1), () => {
      const silentMs = this.services.clock.monotonicMs() - this.#lastInputMs;
      const busy = this.#running !== undefined && this.#lineWaiter === undefined;
      if (busy) this.#lastInputMs = this.services.clock.monotonicMs();
      if (!busy && silentMs >= limitMs) this.bye("Autologout; idle for too long");
      else this.#armTimer(limitMs);
    });
  }

  // Dispatch

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#turnStartMs = this.services.clock.monotonicMs();
    try {
      while (!this.#ended && (this.#running === undefined || this.#lineWaiter !== undefined)) {
        if (this.connection.bufferedBytes > this.services.settings.maxOutputBufferBytes) break;
        const event = this.#framer.next();
        if (event === undefined) break;
        this.#handle(event);
        if (this.services.clock.monotonicMs() - this.#turnStartMs > SLICE_MS) {
          setImmediate(() => this.#pump());
          break;
        }
      }
    } catch (error) {
      this.#crash(error, "reading");
    } finally {
      this.#pumping = false;
    }
    if (this.#ended) return;
    if (this.#running === undefined) this.out.flush();
    const tooMuch = this.#framer.waitingBytes > MAX_WAITING_INPUT_BYTES;
    if (tooMuch !== this.#paused) {
      this.#paused = tooMuch;
      if (tooMuch) this.connection.pause();
      else this.connection.resume();
    }
  }

  #handle(event: FrameEvent): void {
    switch (event.kind) {
      case "frame": {
        const waiter = this.#lineWaiter;
        if (waiter === undefined) this.#execute(event.frame);
        else {
          this.#lineWaiter = undefined;
          waiter(event.frame.text);
        }
        break;
      }
      case "literal":
        this.#literalAnnounced(event.announced);
        break;
      case "chunk":
        this.#stage(event.bytes, event.last);
        break;
      case "tooLong":
        this.#literalBytes = 0;
        this.#refuse(tagOf(event.text), bad("Command line too long", "TOOBIG"));
        break;
    }
  }

  #execute(frame: Frame): void {
    const startedMs = this.services.clock.monotonicMs();
    this.#literalBytes = 0;
    const reader = new Reader(frame);
    const tag = reader.tag();
    let call: CommandCall | undefined;
    let command: Command | undefined;
    try {
      if (tag === undefined) throw bad("Expected a tag");
      let name = reader.sp().keyword();
      const by = name === "UID" ? "uid" : "sequence";
      if (by === "uid") name = reader.sp().keyword();
      command = this.#table.get(name);
      call = { tag, name: by === "uid" ? `UID ${name}` : name, by };
      if (command === undefined || (by === "uid" ? command.uid === false : command.uid === "only")) {
        command = undefined;
        throw bad(`Unknown command ${lineText(call.name)}`);
      }
      this.#checkState(command);
      const run = command.prepare(reader, this, call);
      this.#running = call.name;
      const result = run();
      if (result instanceof Promise) {
        const running = command;
        const asked = call;
        result.then(
          (completion) => this.#complete(frame, running, asked, startedMs, completion),
          (error: unknown) => this.#fail(frame, running, asked.tag, asked, startedMs, error),
        );
      } else this.#complete(frame, command, call, startedMs, result);
    } catch (error) {
      this.#fail(frame, command, tag, call, startedMs, error);
    }
  }

  #checkState(command: Command): void {
    switch (command.state) {
      case "any":
        return;
      case "notAuthenticated":
        if (this.identity !== undefined) throw bad("Already logged in");
        return;
      case "authenticated":
        if (this.identity === undefined) throw bad("Log in first");
        return;
      case "selected":
        if (this.identity === undefined) throw bad("Log in first");
        if (this.#selected === undefined) throw bad("No mailbox is selected");
    }
  }

  #complete(
    frame: Frame,
    command: Command,
    call: CommandCall,
    startedMs: number,
    completion: Completion,
  ): void {
    this.#finish(frame, call.name, startedMs, completion?.status ?? "OK");
    if (this.#ended) return;
    this.#badCommands = 0;
    const { status = "OK", code, text = `${call.name} completed`, afterwards } = completion ?? {};
    this.tellUpdates({
      expunges: !(command.holdsExpunges && call.by === "sequence"),
      uids: call.by === "uid",
    });
    if (this.#ended) return;
    const { out } = this;
    out.ascii(call.tag).ascii(status === "OK" ? " OK " : " NO ");
    if (code !== undefined) out.ascii("[").ascii(code).ascii("] ");
    out.ascii(text).ascii("\r\n");
    if (afterwards !== undefined) {
      out.flush();
      const more = afterwards();
      if (more instanceof Promise) {
        this.#running = call.name;
        more.then(
          () => this.#goOn(),
          (error: unknown) => this.#crash(error, call.name),
        );
        return;
      }
    }
    this.#goOn();
  }

  #fail(
    frame: Frame,
    command: Command | undefined,
    tag: string | undefined,
    call: CommandCall | undefined,
    startedMs: number,
    error: unknown,
  ): void {
    const refusal = refusalOf(error);
    this.#finish(frame, call?.name ?? "", startedMs, refusal?.status ?? "BUG");
    if (this.#ended) return;
    if (refusal === undefined) {
      this.#crash(error, call?.name ?? "");
      return;
    }
    if (command !== undefined && call !== undefined && refusal.status === "NO") {
      this.tellUpdates({
        expunges: !(command.holdsExpunges && call.by === "sequence"),
        uids: call.by === "uid",
      });
    }
    if (error instanceof StoreError && error.code !== "mailbox_not_found") {
      this.services.log.info("command refused", {
        session: this.id,
        command: call?.name,
        err: error.message,
      });
    }
    this.#refuse(tag, refusal);
    this.#goOn();
  }

  #finish(frame: Frame, name: string, startedMs: number, status: string): void {
    this.#running = undefined;
    for (const { body } of frame.literals) if (!Buffer.isBuffer(body)) body.release();
    this.services.observe?.(name, status, this.services.clock.monotonicMs() - startedMs);
    if (this.#ended) this.select(undefined);
  }

  #goOn(): void {
    this.#running = undefined;
    this.#pump();
  }

  #refuse(tag: string | undefined, refusal: ReturnType<typeof bad>): void {
    const code = refusal.code === undefined ? "" : `[${refusal.code}] `;
    this.out.ascii(`${tag ?? "*"} ${refusal.status} ${code}${lineText(refusal.message)}\r\n`);
    if (refusal.status === "BAD" && ++this.#badCommands >= this.services.settings.maxBadCommands) {
      this.bye("Too many bad commands");
    }
  }

  /** A bug, or the world failed under us: this session ends, the log has everything. */
  #crash(error: unknown, command: string): void {
    this.services.log.error("session failed", {
      session: this.id,
      user: this.identity?.userId,
      command,
      err: error,
    });
    this.bye("Internal error");
  }

  // Literals

  #literalAnnounced(announced: AnnouncedLiteral): void {
    if (this.#lineWaiter !== undefined) {
      // No line of AUTHENTICATE or IDLE ends like a literal; the command gets it as it stands and refuses it.
      const waiter = this.#lineWaiter;
      this.#lineWaiter = undefined;
      this.#framer.refuseLiteral();
      waiter(Buffer.from(announced.text));
      return;
    }
    const reader = new Reader({ text: announced.text, literals: [] });
    const tag = reader.tag();
    let command: Command | undefined;
    if (tag !== undefined && reader.skip(" ")) {
      const name = reader.peekKeyword();
      command = this.#table.get(name === "UID" ? reader.atom() && reader.sp().peekKeyword() : name);
    }
    const { sizeBytes, synchronizing } = announced;
    const refusal = this.#literalRefusal(announced, command);
    if (refusal !== undefined) {
      this.#framer.refuseLiteral();
      this.#literalBytes = 0;
      this.#refuse(tag, refusal);
      return;
    }
    const inMemory =
      command?.takesMessages !== true ||
      (sizeBytes <= MAX_MESSAGE_IN_MEMORY_BYTES &&
        this.#literalBytes + sizeBytes <= MAX_LITERALS_IN_MEMORY_BYTES);
    if (inMemory) {
      this.#literalBytes += sizeBytes;
      this.#framer.acceptLiteral();
    } else {
      this.#staging = this.services.store.stage(sizeBytes);
      this.#framer.streamLiteral();
    }
    if (synchronizing) this.continuation("Ready for literal data");
  }

  #literalRefusal(
    announced: AnnouncedLiteral,
    command: Command | undefined,
  ): ReturnType<typeof bad> | undefined {
    const { sizeBytes, synchronizing } = announced;
    const { maxLiteralBytes, maxMessageBytes } = this.services.settings;
    if (command === undefined) return bad("Unknown command");
    if (this.identity === undefined) {
      if (!synchronizing && sizeBytes > MAX_UNASKED_LITERAL_BYTES) {
        return bad("Literal needs to wait for its continuation", "TOOBIG");
      }
      return sizeBytes > MAX_LITERAL_BEFORE_LOGIN_BYTES ? no("Literal too long", "TOOBIG") : undefined;
    }
    if (command.takesMessages) {
      return maxMessageBytes > 0 && sizeBytes > maxMessageBytes ? no("Message too big", "TOOBIG") : undefined;
    }
    return sizeBytes > maxLiteralBytes || this.#literalBytes + sizeBytes > MAX_LITERALS_IN_MEMORY_BYTES
      ? no("Literal too long", "TOOBIG")
      : undefined;
  }

  /** A piece of a message on its way into the store; the next is read when the store has taken this one. */
  #stage(bytes: Buffer, last: boolean): void {
    const writer = this.#staging;
    assert(writer !== undefined, "a literal is streamed and nothing takes it");
    this.#running = "literal";
    const taken = async (): Promise<void> => {
      if (bytes.length > 0) await writer.write(bytes);
      if (!last) return;
      const body = await writer.finish();
      this.#staging = undefined;
      if (this.#ended) body.release();
      else this.#framer.literalStaged(body);
    };
    taken().then(
      () => this.#goOn(),
      (error: unknown) => {
        this.#staging?.discard();
        this.#staging = undefined;
        const refusal = refusalOf(error);
        if (this.#ended) return;
        if (refusal === undefined || this.#framer.pendingText === undefined) {
          this.#crash(error, "literal");
          return;
        }
        const tag = tagOf(this.#framer.pendingText);
        this.#framer.abandonCommand();
        this.#refuse(tag, refusal);
        this.#goOn();
      },
    );
  }
}

/** Of the beginning of a command; undefined when it has none that could be repeated. */
function tagOf(text: Buffer): string | undefined {
  const tag = new Reader({ text, literals: [] }).tag();
  return tag !== undefined && tag.length <= MAX_REPEATED_TAG_CHARACTERS ? tag : undefined;
}

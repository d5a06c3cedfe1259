/**
 * One IMAP session: bytes in, responses out. It owns no socket; the connection is given (base/io/network.ts).
 *
 * Promises: commands run one after the other in the order sent, so pipelining is never ambiguous (RFC 9051 §5.5);
 * input waits unread while a command runs or the reader is slow, so neither side can grow memory; what other sessions
 * changed is told at the end of each command, from one place (`selected.ts`). Input is read
 * in `session-input.ts`, commands run by `dispatcher.ts`; what they do is in `commands/`.
 */
import { assert } from "../base/assert.ts";
import type { Connection } from "../base/io/network.ts";
import type { AuthContext, Identity } from "../directory/port.ts";
import { effectiveRights, requireRights, type Accessor } from "../store/access.ts";
import { Right, type Rights } from "../store/acl.ts";
import type { Mailbox, MailboxName } from "../store/model.ts";
import { Namespace } from "../store/namespace.ts";
import type { Actor } from "../store/port.ts";
import { Output } from "../wire/output.ts";
import { Autologout } from "./autologout.ts";
import { capabilitiesOf } from "./capabilities.ts";
import { lineText, writeAstring } from "./codec/writer.ts";
import type { ColumnCache } from "./columns/cache.ts";
import type { Command } from "./command.ts";
import type { ChangeHub } from "./notify/change-hub.ts";
import type { Selected, TellOptions } from "./selected.ts";
import { CompressedConnection } from "./compress/compressed-connection.ts";
import type { ImapServices } from "./services.ts";
import { SessionInput } from "./session-input.ts";
import type { SharedTurns } from "./shared-turns.ts";
import type { MessageEvents, SessionWatch } from "./watch.ts";

/** What the sessions of a server have in common. */
export interface SharedState {
  readonly columns: ColumnCache;
  readonly changes: ChangeHub;
  readonly turns: SharedTurns;
}

export class Session {
  readonly services: ImapServices;
  readonly shared: SharedState;
  /** Unique in the process; stands in the log and marks the session's own changes in the store. */
  readonly id: number;
  readonly out: Output;
  connection: Connection;
  identity: Identity | undefined;
  /** Upper-case names that ENABLE turned on (RFC 9051 §6.3.1): IMAP4REV2, CONDSTORE, QRESYNC, UTF8=ACCEPT … */
  readonly enabled = new Set<string>();
  /** Free for extensions that keep state in a session: keyed by the extension's own symbol or class. */
  readonly extensions = new Map<unknown, unknown>();

  /** What NOTIFY asked for (RFC 5465). */
  watch: SessionWatch | undefined;

  readonly #input: SessionInput;
  readonly #autologout: Autologout;
  readonly #closed: (session: Session) => void;
  #namespace: Namespace | undefined;
  #accessor: Accessor | undefined;
  #selected: Selected | undefined;
  #ended = false;
  #isHandedOver = false;
  #drainWaiters: (() => void)[] = [];
  #endListeners = new Set<() => void>();

  constructor(
    services: ImapServices,
    shared: SharedState,
    connection: Connection,
    id: number,
    table: ReadonlyMap<string, Command>,
    closed: (session: Session) => void,
  ) {
    this.services = services;
    this.shared = shared;
    this.connection = connection;
    this.id = id;
    this.#closed = closed;
    this.#input = new SessionInput(this, table);
    this.out = new Output((bytes) => this.connection.write(bytes));
    this.#autologout = new Autologout(
      services.clock,
      () => !this.isQuiet,
      () => this.bye("Autologout; idle for too long"),
    );
  }

  /** Greets and begins to read. */
  start(): void {
    this.attach(this.connection);
    this.untagged(`OK [CAPABILITY ${capabilitiesOf(this)}] ${this.services.hostName} Rookery ready`);
    this.out.flush();
    this.#autologout.arm(this.services.settings.loginTimeoutMs);
  }

  // State

  get ended(): boolean {
    return this.#ended;
  }

  /** No command is being worked on: what happens elsewhere may be told at once (IDLE, NOTIFY). */
  get isQuiet(): boolean {
    return this.#input.isQuiet;
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
    return (
      this.services.hasCertificate &&
      this.connection.tls === undefined &&
      // After UNAUTHENTICATE: TLS goes below compression, never above it (RFC 4978 §3).
      !(this.connection instanceof CompressedConnection)
    );
  }

  get mayTakePassword(): boolean {
    return this.connection.tls !== undefined || this.services.allowPlaintext;
  }

  get authContext(): AuthContext {
    const { remoteAddress, tls } = this.connection;
    return { protocol: "imap", remoteAddress, tls, session: this.id };
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

  async login(identity: Identity): Promise<void> {
    await this.services.provision?.(identity);
    const { userId, isAdmin, groups } = identity;
    this.identity = identity;
    this.#accessor = { userId, isAdmin, groups };
    this.#namespace = new Namespace(this.#accessor, this.services.namespace);
    this.#autologout.arm(this.services.settings.timeoutMs);
  }

  /** RFC 8437: as before the login, on the same connection. */
  logout(): void {
    this.select(undefined);
    this.identity = this.#accessor = this.#namespace = undefined;
    this.enabled.clear();
    this.extensions.clear();
    this.watch?.stop();
    this.watch = undefined;
    this.#autologout.arm(this.services.settings.loginTimeoutMs);
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
    if (selected === this.#selected) return;
    this.#selected?.release();
    this.#selected = selected;
    this.watch?.selectionChanged();
  }

  /** RFC 7162 §3.1.2.2: the first CONDSTORE enabling command with a mailbox selected tells where the mailbox stands. */
  enableCondstore(): void {
    if (this.condstore) return;
    this.enabled.add("CONDSTORE");
    if (this.#selected === undefined) return;
    this.untagged(`OK [HIGHESTMODSEQ ${this.#selected.mailbox.highestModseq}] Highest`);
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

  get isTurnOver(): boolean {
    return this.shared.turns.isOver;
  }

  get isReaderSlow(): boolean {
    return this.connection.bufferedBytes > this.services.settings.maxOutputBufferBytes;
  }

  /** Undefined while there is room for more output; otherwise wait for it. Long answers ask after each message. */
  pause(): Promise<void> | undefined {
    if (this.isReaderSlow) return new Promise((resolve) => this.#drainWaiters.push(resolve));
    if (!this.isTurnOver) return undefined;
    return new Promise((resolve) => this.shared.turns.later(resolve));
  }

  /** The next line of the client, for AUTHENTICATE and IDLE; undefined when the connection ended. */
  nextLine(): Promise<Buffer | undefined> {
    this.out.flush();
    return this.#input.nextLine();
  }

  /** Of the selected mailbox; undefined = all are told. */
  get messageEvents(): MessageEvents | undefined {
    return this.watch?.messageEvents;
  }

  /** Tells what changed in the selected mailbox, and elsewhere as NOTIFY asked. Not inside the answer of a command that holds expunges. */
  tellUpdates(options: TellOptions): Promise<void> | undefined {
    const selected = this.#selected;
    if (selected?.isGone === true) {
      this.bye("The selected mailbox was deleted");
      return undefined;
    }
    const here = selected?.tellUpdates(options);
    const elsewhere = this.watch?.tell();
    return here === undefined || elsewhere === undefined ? (here ?? elsewhere) : here.then(() => elsewhere);
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

  /** A bug, or the world failed under us, outside of a command. */
  crash(error: unknown, doing: string): void {
    this.#input.dispatcher.crash(error, doing);
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
      this.#autologout.noteInput();
      this.#input.push(chunk);
    });
    connection.onDrain(() => {
      const waiters = this.#drainWaiters;
      this.#drainWaiters = [];
      for (const resolve of waiters) resolve();
      this.#input.pump();
    });
    connection.onClose((error) => {
      if (error !== undefined) this.services.log.debug("connection lost", { session: this.id, err: error });
      this.#end();
    });
  }

  /** Input that was not read yet: COMPRESS gives it to its own layer. */
  takeUnread(): Buffer {
    return this.#input.framer.takeUnread();
  }

  /** Another protocol reads from the connection from now on; what was not read yet. */
  handOver(): Buffer {
    this.#isHandedOver = true;
    return this.takeUnread();
  }

  /** Bytes of a message are on their way in: a literal whose length was checked, or what another protocol bounds. */
  get readsLiteral(): boolean {
    return this.#isHandedOver || this.#input.framer.pendingText !== undefined;
  }

  async startTls(): Promise<void> {
    this.#input.framer.clear();
    await this.connection.startTls();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#autologout.cancel();
    this.watch?.stop();
    this.#input.end();
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
    for (const listener of this.#endListeners) listener();
    // A command that still runs uses the mailbox until it ends.
    if (this.#input.dispatcher.running === undefined) this.select(undefined);
    this.#closed(this);
  }
}

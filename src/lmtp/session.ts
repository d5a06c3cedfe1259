/**
 * One LMTP session (RFC 2033): bytes in, replies out, over a Connection it does not own.
 *
 * Commands run one after the other in the order they came, however many are pipelined (RFC 2920); while one waits (for
 * the directory, the disk) what follows is kept up to a bound, then the peer has to wait. Only CRLF ends a line and only
 * CRLF "." CRLF ends data. Nothing is answered 250 before the store has it on disk.
 */
import type { Connection } from "../base/io/network.ts";
import type { Directory, Identity, SaslExchange } from "../directory/port.ts";
import { DotReader } from "../wire/dot-reader.ts";
import { InputBuffer, type Line } from "../wire/input-buffer.ts";
import { SilenceWatch } from "../wire/silence-watch.ts";
import { Throttle } from "../wire/throttle.ts";
import { LMTP_COMMANDS } from "./commands/table.ts";
import { deliverMessage } from "./deliver-message.ts";
import { MessageCollector } from "./message-collector.ts";
import type { LmtpPorts } from "./ports.ts";
import { Refusal, type Reply, replyTo } from "./reply.ts";
import type { Transaction } from "./transaction.ts";

/** Received and not yet handled; above it the connection is paused. */
const MAX_WAITING_INPUT_BYTES = 262_144;
/** Replies that the peer does not read; above it no further command is run. */
const MAX_WAITING_OUTPUT_BYTES = 65_536;
/** Data handled in one go before other sessions get their turn. */
const MAX_STEP_BYTES = 262_144;

type LineHandler = (line: string) => Reply | Promise<Reply>;
/** What the next bytes are. */
type Mode =
  | { readonly kind: "commands" }
  | { readonly kind: "line"; readonly handle: LineHandler }
  | { readonly kind: "data"; readonly reader: DotReader; readonly collector: MessageCollector }
  | {
      readonly kind: "chunk";
      readonly last: boolean;
      readonly refusal: Refusal | undefined;
      leftBytes: number;
    };

const COMMANDS: Mode = { kind: "commands" };
/** Replies that say the peer does not speak the protocol: counted, bounded. Unknown recipients are not among them. */
const ERROR_REPLY = /^(?:50\d|53\d|555)/;

export class LmtpSession {
  readonly connection: Connection;
  readonly ports: LmtpPorts;
  readonly id: string;
  readonly #input = new InputBuffer();
  readonly #closed: () => void;
  readonly #trusted: boolean;
  #mode: Mode = COMMANDS;
  #busy = false;
  #ended = false;
  #stopping = false;
  #peerName = "";
  #greeted = false;
  #identity: Identity | undefined;
  #transaction: Transaction | undefined;
  /** The message that BDAT chunks add to. */
  #chunked: MessageCollector | undefined;
  #messages = 0;
  #errors = 0;
  readonly #silence: SilenceWatch;
  readonly #throttle: Throttle;

  /** @param id for the log, unique; @param closed called once when the session is over */
  constructor(connection: Connection, ports: LmtpPorts, id: string, closed: () => void = () => {}) {
    this.connection = connection;
    this.ports = ports;
    this.id = id;
    this.#closed = closed;
    this.#trusted = ports.settings.trustedNetworks.contains(connection.remoteAddress);
    this.#throttle = new Throttle(connection);
    ports.metrics.sessions.inc();
    connection.onData((chunk) => this.#receive(chunk));
    connection.onDrain(() => this.#pump());
    connection.onClose((error) => this.#onClose(error));
    this.#silence = new SilenceWatch(ports.clock, {
      limitMs: () => ports.settings.timeoutMs,
      isBusy: () => this.#busy,
      onSilent: () => this.hangUp("421 4.4.2 Timeout"),
    });
    connection.write(`220 ${ports.hostName} LMTP Rookery ready\r\n`);
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  get transaction(): Transaction | undefined {
    return this.#transaction;
  }

  get isChunked(): boolean {
    return this.#chunked !== undefined;
  }

  /** Takes no new command; a message that is being received or filed is still answered. */
  shutDown(): void {
    this.#stopping = true;
    if (!this.#busy && this.#transaction === undefined) this.hangUp("421 4.3.2 Shutting down");
  }

  greet(peerName: string): void {
    this.forgetTransaction();
    this.#peerName = peerName;
    this.#greeted = true;
  }

  begin(transaction: Transaction): void {
    this.#transaction = transaction;
  }

  forgetTransaction(): void {
    this.#transaction = undefined;
    this.#chunked?.discard();
    this.#chunked = undefined;
  }

  /** @throws Refusal unless the peer is in a trusted network or is an administrator of mail */
  requirePeerMayDeliver(): void {
    if (this.#trusted) return;
    if (this.#identity === undefined) throw new Refusal("530 5.7.0 Authentication required");
    const { isAdmin, userId } = this.#identity;
    if (!isAdmin && !this.ports.settings.admins.includes(userId)) {
      throw new Refusal("550 5.7.1 User may not deliver mail");
    }
  }

  /** @throws Refusal without a transaction that has a recipient (RFC 2033 §4.2) */
  requireRecipients(): Transaction {
    if (this.#transaction === undefined) throw new Refusal("503 5.5.1 MAIL FROM comes first");
    if (this.#transaction.addressees.length === 0) throw new Refusal("503 5.5.1 No valid recipients");
    return this.#transaction;
  }

  mechanisms(): readonly string[] {
    return this.ports.directory.mechanisms(this.#authContext());
  }

  /** @throws AuthError */
  startSasl(mechanism: string): SaslExchange {
    return this.ports.directory.startSasl(mechanism, this.#authContext());
  }

  authenticate(identity: Identity): void {
    this.#identity = identity;
  }

  /** The next line is not a command but goes to `handle`. */
  expectLine(handle: LineHandler): void {
    this.#mode = { kind: "line", handle };
  }

  startData(): void {
    this.#mode = { kind: "data", reader: new DotReader(), collector: this.#newCollector() };
  }

  startChunk(sizeBytes: number, last: boolean, refusal: Refusal | undefined): void {
    if (refusal === undefined) this.#chunked ??= this.#newCollector();
    this.#mode = { kind: "chunk", last, refusal, leftBytes: sizeBytes };
  }

  async startTls(reply: Reply): Promise<void> {
    this.connection.write(`${reply}\r\n`);
    this.#input.clear();
    this.#greeted = false;
    this.#peerName = "";
    this.#identity = undefined;
    await this.connection.startTls();
  }

  /** Says a last word and closes. */
  hangUp(reply: Reply): void {
    if (this.#ended) return;
    this.#ended = true;
    this.connection.end(`${reply}\r\n`);
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.#silence.heard();
    this.#input.push(chunk);
    this.#pump();
  }

  #pump(): void {
    while (!this.#busy && !this.#ended) {
      if (this.connection.bufferedBytes > MAX_WAITING_OUTPUT_BYTES) break;
      if (!this.#step()) break;
    }
    if (!this.#ended) this.#throttle.set(this.#input.length > MAX_WAITING_INPUT_BYTES);
  }

  /** Handles the next line or bytes; false when more input is needed. */
  #step(): boolean {
    const mode = this.#mode;
    switch (mode.kind) {
      case "data":
        return this.#readData(mode.reader, mode.collector);
      case "chunk":
        return this.#readChunk(mode);
      default: {
        const line = this.#input.nextLine();
        if (line === undefined) return false;
        this.#mode = COMMANDS;
        if (mode.kind === "line" && line.kind === "line") this.#run(() => mode.handle(line.text));
        else this.#run(() => this.#runLine(line));
        return true;
      }
    }
  }

  #runLine(line: Line): Reply | undefined | Promise<Reply | undefined> {
    if (line.kind === "too_long") throw new Refusal("500 5.5.6 Line is too long");
    if (line.kind === "bare_line_end") throw new Refusal("500 5.5.2 Lines end with CRLF");
    if (line.kind === "not_utf8") throw new Refusal("500 5.5.2 Line is not UTF-8");
    const space = line.text.indexOf(" ");
    const name = (space < 0 ? line.text : line.text.slice(0, space)).toUpperCase();
    const command = LMTP_COMMANDS.get(name);
    if (command === undefined) throw new Refusal("500 5.5.1 Command is unknown");
    if (command.needsGreeting && !this.#greeted) throw new Refusal("503 5.5.1 LHLO comes first");
    return command.run(this, space < 0 ? "" : line.text.slice(space + 1).trim());
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
        if (this.#ended) this.forgetTransaction();
        this.#pump();
      });
  }

  #answer(reply: Reply | undefined): void {
    if (reply === undefined || this.#ended) return;
    if (ERROR_REPLY.test(reply)) {
      this.#errors += 1;
      if (this.#errors > this.ports.settings.maxErrors) {
        this.ports.log.warn("session closed: too many errors", this.#peer());
        this.hangUp("421 4.7.0 Too many errors");
        return;
      }
    }
    if (reply.startsWith("421")) this.hangUp(reply);
    else this.connection.write(`${reply}\r\n`);
    if (this.#stopping && this.#transaction === undefined) this.hangUp("421 4.3.2 Shutting down");
  }

  #fail(error: unknown): void {
    const reply = replyTo(error);
    if (reply !== undefined) {
      this.#answer(reply);
      return;
    }
    // A bug or a failing part of ours: this session ends, the others go on.
    this.ports.log.error("session failed", { ...this.#peer(), err: error });
    this.hangUp("421 4.3.0 Internal error");
  }

  #readData(reader: DotReader, collector: MessageCollector): boolean {
    if (this.#waitForDisk(collector)) return false;
    const chunk = this.#input.take(MAX_STEP_BYTES);
    if (chunk.length === 0) return false;
    const end = reader.read(chunk, collector.append);
    if (end < 0) return true;
    this.#input.giveBack(chunk.length - end);
    this.#mode = COMMANDS;
    this.#run(() => this.#finishMessage(collector));
    return true;
  }

  #readChunk(mode: Extract<Mode, { kind: "chunk" }>): boolean {
    const collector = this.#chunked;
    if (mode.refusal === undefined && collector !== undefined && this.#waitForDisk(collector)) return false;
    if (mode.leftBytes > 0) {
      const chunk = this.#input.take(Math.min(mode.leftBytes, MAX_STEP_BYTES));
      if (chunk.length === 0) return false;
      if (mode.refusal === undefined) collector?.append(chunk, 0, chunk.length);
      mode.leftBytes -= chunk.length;
      if (mode.leftBytes > 0) return true;
    }
    this.#mode = COMMANDS;
    this.#run(() => {
      if (mode.refusal !== undefined || collector === undefined) {
        throw mode.refusal ?? new Refusal("503 5.5.1 MAIL FROM comes first");
      }
      if (!mode.last) return `250 2.0.0 ${collector.sizeBytes} octets so far`;
      this.#chunked = undefined;
      return this.#finishMessage(collector);
    });
    return true;
  }

  #waitForDisk(collector: MessageCollector): boolean {
    return collector.isBehind(() => this.#pump());
  }

  async #finishMessage(collector: MessageCollector): Promise<Reply> {
    const transaction = this.requireRecipients();
    this.#messages += 1;
    this.ports.metrics.messages.inc();
    this.ports.metrics.bytes.inc(collector.sizeBytes);
    const { tls, remoteAddress } = this.connection;
    const authenticatedAs = this.#identity?.userId ?? "";
    const replies = await deliverMessage(this.ports, transaction, collector, {
      sender: transaction.sender,
      senderText: transaction.senderText,
      id: `${this.id}.${this.#messages}`,
      peerName: this.#peerName,
      peerAddress: remoteAddress,
      // RFC 3848; RFC 6531 §4.3.
      protocol: `${transaction.smtpUtf8 ? "UTF8" : ""}LMTP${tls === undefined ? "" : "S"}${authenticatedAs === "" ? "" : "A"}`,
      tls: tls === undefined ? "" : `${tls.protocol} ${tls.cipher}`,
      authenticatedAs,
    });
    this.forgetTransaction();
    return replies.join("\r\n");
  }

  #newCollector(): MessageCollector {
    return new MessageCollector(this.ports.store, {
      maxBytes: this.ports.settings.maxMessageSizeBytes,
      expectedBytes: this.#transaction?.sizeBytes ?? 0,
    });
  }

  #authContext(): Parameters<Directory["mechanisms"]>[0] {
    const { remoteAddress, tls } = this.connection;
    return { protocol: "lmtp", remoteAddress, tls, session: this.id };
  }

  #peer(): Record<string, unknown> {
    return { session: this.id, peer: this.connection.remoteAddress, name: this.#peerName };
  }

  #onClose(error: Error | undefined): void {
    this.#ended = true;
    this.#silence.stop();
    if (this.#mode.kind === "data") this.#mode.collector.discard();
    // A message that is being filed is past the point of return; its replies go nowhere.
    if (!this.#busy) this.forgetTransaction();
    this.ports.metrics.sessions.dec();
    if (error !== undefined) this.ports.log.debug("connection lost", { ...this.#peer(), err: error });
    this.#closed();
  }
}

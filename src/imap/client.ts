/**
 * An IMAP client for gateways and tests: pipelined, bounded, over any connection. It sends commands and hands out
 * responses; what they mean is the caller's business.
 *
 * Promises: commands may be sent without waiting for earlier ones; each resolves with its tagged line and the untagged
 * responses that came since the command before it ended; literals wait for the server unless it has LITERAL+. When the
 * connection ends or the server breaks the protocol every waiting command rejects. Servers may hold tagged lines of a
 * pipeline back and send them together: then the first command has the responses of all.
 *
 * Memory stays bounded for who copies whole mailboxes: responses can be taken as they come (`CommandWishes`), large
 * literals go to a sink in pieces, `hold` stops reading, and sending waits for a slow server.
 */
import type { Clock } from "../base/io/clock.ts";
import type { Connection } from "../base/io/network.ts";
import {
  type CommandPart,
  type CommandResult,
  type CommandWishes,
  ImapClientError,
  type ImapClientOptions,
  isOnePart,
  type LiteralSink,
  type StreamedLiteral,
} from "./client-command.ts";
import { type AnnouncedLiteral, Framer, type Frame, type FrameEvent } from "./codec/framer.ts";
import { compressForClient } from "./compress/client-compression.ts";
import { Reader } from "./codec/reader.ts";
import { readStatusLine, readBye, readUntagged, type StatusLine, type Untagged } from "./codec/response.ts";

/** Above it sending waits until the server has taken what was sent. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

const DEFAULTS: ImapClientOptions = {
  maxLiteralBytes: 256 * 1024 * 1024,
  maxLineBytes: 16 * 1024 * 1024,
  literalPlus: false,
  literalMinusBytes: 0,
};

interface Pending {
  readonly tag: string;
  readonly untagged: Untagged[];
  readonly wishes: CommandWishes;
  resolve(result: CommandResult): void;
  reject(error: Error): void;
}

export class ImapClient {
  /** The server's first line. */
  readonly greeting: Promise<StatusLine>;
  #connection: Connection;
  #options: ImapClientOptions;
  readonly #framer: Framer;
  readonly #pending: Pending[] = [];
  #greeted: { resolve(line: StatusLine): void; reject(error: Error): void } | undefined;
  #sending: Promise<void> = Promise.resolve();
  #literalWaiter: { resolve(): void; reject(error: Error): void; tag: string } | undefined;
  #listener: ((response: Untagged) => void) | undefined;
  #nextTag = 1;
  #failure: Error | undefined;
  readonly #onEnd: ((error: Error) => void)[] = [];
  #sinkFor: ((announced: AnnouncedLiteral) => LiteralSink | undefined) | undefined;
  #sink: LiteralSink | undefined;
  /** Reading has stopped: on `hold`, or while a sink works. */
  #held = false;
  #sinking = false;
  #drained: (() => void) | undefined;
  #lastWords = "";
  #heard = true;

  constructor(connection: Connection, options: Partial<ImapClientOptions> = {}) {
    this.#connection = connection;
    this.#options = { ...DEFAULTS, ...options };
    this.#framer = new Framer(this.#options.maxLineBytes);
    this.greeting = new Promise((resolve, reject) => {
      this.#greeted = { resolve, reject };
    });
    this.greeting.catch(() => undefined);
    this.#attach(connection);
  }

  get connection(): Connection {
    return this.#connection;
  }

  #attach(connection: Connection): void {
    connection.onData((chunk) => {
      this.#heard = true;
      this.#framer.push(chunk, connection.givesChunksAway);
      this.#read();
    });
    connection.onDrain(() => this.#wakeSender());
    connection.onClose((error) => {
      const reason = this.#lastWords === "" ? "connection ended" : `the server said BYE ${this.#lastWords}`;
      this.#fail(new ImapClientError(reason, { cause: error }));
    });
  }

  /** After CAPABILITY: LITERAL+ lets literals go out without waiting. */
  configure(options: Partial<ImapClientOptions>): void {
    this.#options = { ...this.#options, ...options };
  }

  /** Every untagged response as it comes, also while no command waits: IDLE, NOTIFY. */
  onUntagged(listener: (response: Untagged) => void): void {
    this.#listener = listener;
  }

  /** Called once when the connection is over, also while no command waits. */
  onEnd(listener: (error: Error) => void): void {
    this.#onEnd.push(listener);
    if (this.#failure !== undefined) listener(this.#failure);
  }

  /** Chooses for each literal of a response; undefined = into memory. */
  onLiteral(sinkFor: (announced: AnnouncedLiteral) => LiteralSink | undefined): void {
    this.#sinkFor = sinkFor;
  }

  /** Reads no further until `readOn`: what comes next has no room yet. */
  hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#connection.pause();
  }

  readOn(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#goOn();
  }

  /** Ends the connection when the server says nothing for so long while a command waits. */
  watchSilence(clock: Clock, silenceMs: number): void {
    clock.setTimer(silenceMs, () => {
      if (this.#failure !== undefined) return;
      const isSilent = !this.#heard && this.#pending.length > 0 && !this.#held && !this.#sinking;
      this.#heard = false;
      if (isSilent) this.#break(new ImapClientError(`the server said nothing for ${silenceMs} ms`));
      else this.watchSilence(clock, silenceMs);
    });
  }

  /** After the server's OK to STARTTLS; what came in the clear behind it is forgotten (CVE-2011-0411). */
  async startTls(): Promise<void> {
    this.#framer.clear();
    await this.#connection.startTls();
  }

  /** After the server's OK to COMPRESS DEFLATE (RFC 4978). */
  startCompression(): void {
    const unread = this.#framer.takeUnread();
    const under = this.#connection;
    const compressed = compressForClient(under, (reason) => {
      this.#fail(new ImapClientError(reason));
      under.destroy();
    });
    this.#connection = compressed;
    this.#attach(compressed);
    compressed.receive(unread);
  }

  /** @throws ImapClientError when the connection ends first; NO and BAD are results, not errors */
  command(
    parts: CommandPart | readonly CommandPart[],
    wishes: ((text: string) => void) | CommandWishes = {},
  ): Promise<CommandResult> {
    const tag = `c${this.#nextTag++}`;
    const list = isOnePart(parts) ? [parts] : parts;
    this.#options.observe?.(list);
    const asked = typeof wishes === "function" ? { continued: wishes } : wishes;
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      const send = (): Promise<void> | void => {
        if (this.#failure !== undefined) {
          reject(this.#failure);
          return undefined;
        }
        this.#pending.push({ tag, untagged: [], wishes: asked, resolve, reject });
        return this.#send(tag, list);
      };
      // One after the other: a command with a literal may have to wait in its middle.
      this.#sending = this.#sending.then(send).catch((error: unknown) => {
        reject(error instanceof Error ? error : new ImapClientError("could not send", { cause: error }));
      });
    });
  }

  /** A line inside a command: DONE, SASL messages. */
  line(text: string): void {
    this.#connection.write(`${text}\r\n`);
  }

  close(): void {
    this.#connection.end();
    this.#fail(new ImapClientError("connection closed"));
  }

  destroy(): void {
    this.#connection.destroy();
    this.#fail(new ImapClientError("connection closed"));
  }

  async #send(tag: string, parts: readonly CommandPart[]): Promise<void> {
    let text = `${tag} `;
    for (const part of parts) {
      if (typeof part === "string") {
        text += part;
        continue;
      }
      const sizeBytes = Buffer.isBuffer(part) ? part.length : part.sizeBytes;
      const { literalPlus, literalMinusBytes } = this.#options;
      const waits = !literalPlus && sizeBytes > literalMinusBytes;
      // literalMinusBytes 0 = the server has neither extension, not even for a literal of no bytes.
      const synchronizing = waits || (!literalPlus && literalMinusBytes === 0);
      this.#connection.write(Buffer.from(`${text}{${sizeBytes}${synchronizing ? "" : "+"}}\r\n`, "utf8"));
      text = "";
      if (synchronizing) {
        const asked = new Promise<void>((resolve, reject) => {
          this.#literalWaiter = { resolve, reject, tag };
        });
        await asked;
      }
      if (Buffer.isBuffer(part)) this.#connection.write(part);
      else await this.#stream(part);
      await this.#whenDrained();
    }
    this.#connection.write(Buffer.from(`${text}\r\n`, "utf8"));
  }

  async #stream(literal: StreamedLiteral): Promise<void> {
    let sentBytes = 0;
    try {
      for await (const chunk of literal.chunks()) {
        this.#connection.write(chunk);
        sentBytes += chunk.length;
        await this.#whenDrained();
      }
      if (sentBytes !== literal.sizeBytes) throw new ImapClientError("a literal had another size");
    } catch (error) {
      // The server waits for bytes that there are not: nothing more can be said on this connection.
      this.#fail(error instanceof Error ? error : new ImapClientError("could not send", { cause: error }));
      this.#connection.destroy();
      throw error;
    }
  }

  #whenDrained(): Promise<void> | undefined {
    if (this.#failure !== undefined || this.#connection.bufferedBytes <= MAX_BUFFERED_BYTES) return undefined;
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  #wakeSender(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  #goOn(): void {
    if (this.#held || this.#sinking || this.#failure !== undefined) return;
    this.#connection.resume();
    this.#read();
  }

  #read(): void {
    try {
      while (!this.#held && !this.#sinking) {
        const event = this.#framer.next();
        if (event === undefined) return;
        this.#handle(event);
      }
    } catch (error) {
      this.#break(error);
    }
  }

  #handle(event: FrameEvent): void {
    if (event.kind === "frame") this.#response(event.frame);
    else if (event.kind === "chunk") this.#chunk(event.bytes, event.last);
    else if (event.kind === "literal") this.#literal(event.announced);
    else throw new ImapClientError("response line too long");
  }

  #literal(announced: AnnouncedLiteral): void {
    const sink = this.#sinkFor?.(announced);
    if (sink !== undefined) {
      this.#sink = sink;
      this.#framer.streamLiteral();
      return;
    }
    if (announced.sizeBytes > this.#options.maxLiteralBytes) throw new ImapClientError("literal too long");
    this.#framer.acceptLiteral();
  }

  #chunk(bytes: Buffer, last: boolean): void {
    const sink = this.#sink;
    if (sink === undefined) throw new ImapClientError("a literal came without a sink");
    const written = bytes.length === 0 ? undefined : sink.write(bytes);
    if (written === undefined && !last) return;
    this.#sinking = true;
    this.#connection.pause();
    this.#afterChunk(sink, written, last).catch((error: unknown) => {
      sink.discard();
      this.#break(error);
    });
  }

  async #afterChunk(sink: LiteralSink, written: Promise<void> | void, last: boolean): Promise<void> {
    await written;
    if (last) {
      const body = await sink.finish();
      this.#sink = undefined;
      if (this.#failure !== undefined) {
        body.release();
        return;
      }
      this.#framer.literalStaged(body);
    }
    this.#sinking = false;
    this.#goOn();
  }

  #break(error: unknown): void {
    this.#fail(
      error instanceof ImapClientError
        ? error
        : new ImapClientError("server does not speak IMAP", { cause: error }),
    );
    this.#connection.destroy();
  }

  #response(frame: Frame): void {
    const first = frame.text[0];
    if (first === 0x2b) this.#continuation(frame.text.toString("latin1", 2));
    else if (first === 0x2a) this.#untagged(frame);
    else this.#tagged(frame);
  }

  #continuation(text: string): void {
    const waiter = this.#literalWaiter;
    this.#literalWaiter = undefined;
    if (waiter !== undefined) waiter.resolve();
    else this.#pending[0]?.wishes.continued?.(text);
  }

  #untagged(frame: Frame): void {
    if (this.#greeted !== undefined) {
      const reader = new Reader(frame);
      const greeted = this.#greeted;
      this.#greeted = undefined;
      greeted.resolve(readStatusLine(reader.expect("*").sp()));
      return;
    }
    const response = readUntagged(frame);
    if (response.name === "BYE") this.#lastWords = readBye(response);
    const pending = this.#pending[0];
    if (pending !== undefined && pending.wishes.untagged?.(response) !== true)
      pending.untagged.push(response);
    this.#listener?.(response);
  }

  #tagged(frame: Frame): void {
    const reader = new Reader(frame);
    const tag = reader.tag();
    const index = this.#pending.findIndex((pending) => pending.tag === tag);
    const pending = this.#pending[index];
    if (pending === undefined) throw new ImapClientError(`unknown tag "${tag}"`);
    this.#pending.splice(index, 1);
    const line = readStatusLine(reader.sp());
    const waiter = this.#literalWaiter;
    if (waiter !== undefined && waiter.tag === tag) {
      // The literal was refused: the command is over without it.
      this.#literalWaiter = undefined;
      waiter.reject(new ImapClientError(line.text));
    }
    pending.resolve({ ...line, untagged: pending.untagged });
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    if (!this.#sinking) this.#sink?.discard();
    this.#greeted?.reject(error);
    this.#wakeSender();
    this.#literalWaiter?.reject(error);
    for (const pending of this.#pending.splice(0)) pending.reject(error);
    for (const listener of this.#onEnd) listener(error);
  }
}

/**
 * An IMAP client for gateways and tests: pipelined, bounded, over any connection. It sends commands and hands out
 * responses; what they mean is the caller's business.
 *
 * Promises: commands may be sent without waiting for earlier ones; each resolves with its tagged line and the untagged
 * responses that came since the command before it ended; literals wait for the server unless it has LITERAL+. When the
 * connection ends or the server breaks the protocol every waiting command rejects.
 */
import type { Connection } from "../base/io/network.ts";
import { Framer, type Frame } from "./codec/framer.ts";
import { Reader } from "./codec/reader.ts";
import { readStatusLine, readUntagged, type StatusLine, type Untagged } from "./codec/response.ts";

export interface ImapClientOptions {
  /** The largest literal taken from the server. */
  readonly maxLiteralBytes: number;
  /** The longest response line, literals not counted. */
  readonly maxLineBytes: number;
  /** Literals are sent without waiting (the server announced LITERAL+). */
  readonly literalPlus: boolean;
}

const DEFAULTS: ImapClientOptions = {
  maxLiteralBytes: 256 * 1024 * 1024,
  maxLineBytes: 16 * 1024 * 1024,
  literalPlus: false,
};

/** Text as it stands, and literals. `["a SELECT ", Buffer]` without the tag. */
export type CommandPart = string | Buffer;

export interface CommandResult extends StatusLine {
  readonly untagged: readonly Untagged[];
}

/** The connection ended, or the server does not speak IMAP. */
export class ImapClientError extends Error {
  override name = "ImapClientError";
}

interface Pending {
  readonly tag: string;
  readonly untagged: Untagged[];
  /** Called with the text of each `+` line that no literal waits for: AUTHENTICATE, IDLE. */
  readonly continued: ((text: string) => void) | undefined;
  resolve(result: CommandResult): void;
  reject(error: Error): void;
}

export class ImapClient {
  readonly connection: Connection;
  /** The server's first line. */
  readonly greeting: Promise<StatusLine>;
  #options: ImapClientOptions;
  readonly #framer: Framer;
  readonly #pending: Pending[] = [];
  #greeted: { resolve(line: StatusLine): void; reject(error: Error): void } | undefined;
  #sending: Promise<void> = Promise.resolve();
  #literalWaiter: { resolve(): void; reject(error: Error): void; tag: string } | undefined;
  #listener: ((response: Untagged) => void) | undefined;
  #nextTag = 1;
  #failure: Error | undefined;

  constructor(connection: Connection, options: Partial<ImapClientOptions> = {}) {
    this.connection = connection;
    this.#options = { ...DEFAULTS, ...options };
    this.#framer = new Framer(this.#options.maxLineBytes);
    this.greeting = new Promise((resolve, reject) => {
      this.#greeted = { resolve, reject };
    });
    // Who does not wait for the greeting learns of the failure from his command.
    this.greeting.catch(() => undefined);
    connection.onData((chunk) => {
      this.#framer.push(chunk);
      this.#read();
    });
    connection.onClose((error) => this.#fail(new ImapClientError("connection ended", { cause: error })));
  }

  /** After CAPABILITY: LITERAL+ lets literals go out without waiting. */
  configure(options: Partial<ImapClientOptions>): void {
    this.#options = { ...this.#options, ...options };
  }

  /** Every untagged response as it comes, also while no command waits: IDLE, NOTIFY. */
  onUntagged(listener: (response: Untagged) => void): void {
    this.#listener = listener;
  }

  /** @throws ImapClientError when the connection ends first; NO and BAD are results, not errors */
  command(
    parts: CommandPart | readonly CommandPart[],
    continued?: (text: string) => void,
  ): Promise<CommandResult> {
    const tag = `c${this.#nextTag++}`;
    const list = typeof parts === "string" || Buffer.isBuffer(parts) ? [parts] : parts;
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
        this.#pending.push({ tag, untagged: [], continued, resolve, reject });
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
    this.connection.write(`${text}\r\n`);
  }

  close(): void {
    this.connection.end();
    this.#fail(new ImapClientError("connection closed"));
  }

  async #send(tag: string, parts: readonly CommandPart[]): Promise<void> {
    let text = `${tag} `;
    for (const part of parts) {
      if (typeof part === "string") {
        text += part;
        continue;
      }
      const { literalPlus } = this.#options;
      this.connection.write(`${text}{${part.length}${literalPlus ? "+" : ""}}\r\n`);
      text = "";
      if (!literalPlus) {
        const asked = new Promise<void>((resolve, reject) => {
          this.#literalWaiter = { resolve, reject, tag };
        });
        await asked;
      }
      this.connection.write(part);
    }
    this.connection.write(Buffer.from(`${text}\r\n`, "utf8"));
  }

  #read(): void {
    try {
      for (let event = this.#framer.next(); event !== undefined; event = this.#framer.next()) {
        if (event.kind === "literal") {
          if (event.announced.sizeBytes > this.#options.maxLiteralBytes)
            throw new ImapClientError("literal too long");
          this.#framer.acceptLiteral();
        } else if (event.kind === "frame") this.#response(event.frame);
        else throw new ImapClientError("response line too long");
      }
    } catch (error) {
      this.#fail(
        error instanceof ImapClientError
          ? error
          : new ImapClientError("server does not speak IMAP", { cause: error }),
      );
      this.connection.destroy();
    }
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
    else this.#pending[0]?.continued?.(text);
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
    this.#pending[0]?.untagged.push(response);
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
    this.#greeted?.reject(error);
    this.#literalWaiter?.reject(error);
    for (const pending of this.#pending.splice(0)) pending.reject(error);
  }
}

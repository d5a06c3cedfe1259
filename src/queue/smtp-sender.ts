/**
 * An SMTP client (RFC 5321) for one mail: connects, says EHLO, turns TLS on as the policy wants, hands the mail over.
 *
 * Resolves only when the other host took the mail (250 after the data). SmtpFailure tells whether trying again can help.
 */
import type { Clock } from "../base/io/clock.ts";
import type { Connection, Network } from "../base/io/network.ts";
import type { Secret } from "../base/secret.ts";
import { stuffDots } from "../wire/dot-writer.ts";
import { type Response, ResponseReader } from "../wire/response-reader.ts";
import type { Hop } from "./route.ts";
import { SmtpFailure } from "./smtp-failure.ts";

export interface SenderOptions {
  readonly network: Network;
  readonly clock: Clock;
  /** For EHLO. */
  readonly ownName: string;
  readonly tls: "opportunistic" | "required" | "verified" | "never";
  readonly implicitTls: boolean;
  readonly credentials: { readonly user: string; readonly password: Secret } | undefined;
  readonly timeoutMs: number;
}

export interface OutgoingMail {
  readonly sender: string;
  readonly recipient: string;
  readonly bytes: Buffer;
}

const CONNECT_TIMEOUT_MS = 30_000;
/** Nothing that could end a command or leave the brackets. */
const SENDABLE_ADDRESS = /^[^\s<>\p{Cc}]{1,320}$/u;

/** @param beforeData called when the message itself is about to go out @throws SmtpFailure */
export async function sendMail(
  hop: Hop,
  mail: OutgoingMail,
  options: SenderOptions,
  beforeData: () => Promise<void>,
): Promise<void> {
  if (!SENDABLE_ADDRESS.test(mail.recipient)) throw new SmtpFailure(553, "5.1.3 Address is not valid");
  if (mail.sender !== "" && !SENDABLE_ADDRESS.test(mail.sender)) {
    throw new SmtpFailure(553, "5.1.7 Sender address is not valid");
  }
  try {
    await converse(hop, mail, options, options.tls !== "never", beforeData);
  } catch (error) {
    // RFC 7435: opportunistic TLS that does not work is no TLS, not no mail.
    if (!(error instanceof TlsFailure) || options.tls !== "opportunistic") throw error;
    await converse(hop, mail, options, false, beforeData);
  }
}

/** STARTTLS was offered and the handshake failed. */
class TlsFailure extends SmtpFailure {}

async function converse(
  hop: Hop,
  mail: OutgoingMail,
  options: SenderOptions,
  useTls: boolean,
  beforeData: () => Promise<void>,
): Promise<void> {
  const peer = await SmtpPeer.connect(hop, options, useTls);
  try {
    await peer.expect(undefined, 220);
    let extensions = await peer.hello();
    if (useTls && !peer.isSecure) {
      if (extensions.has("STARTTLS")) {
        await peer.startTls();
        extensions = await peer.hello();
      } else if (options.tls !== "opportunistic") {
        throw new SmtpFailure(454, "4.7.5 The host offers no TLS", { host: hop.host });
      }
    }
    if (options.credentials !== undefined) await peer.authenticate(options.credentials);
    const isUtf8 = [mail.sender, mail.recipient].some((address) => /[^\x00-\x7f]/.test(address));
    if (isUtf8 && !extensions.has("SMTPUTF8")) {
      throw new SmtpFailure(553, "5.6.7 The host takes no UTF-8 addresses", { host: hop.host });
    }
    const parameters = [
      ...(extensions.has("SIZE") ? [`SIZE=${mail.bytes.length}`] : []),
      ...(extensions.has("8BITMIME") ? ["BODY=8BITMIME"] : []),
      ...(isUtf8 ? ["SMTPUTF8"] : []),
    ];
    await peer.expect([`MAIL FROM:<${mail.sender}>`, ...parameters].join(" "), 250);
    await peer.expect(`RCPT TO:<${mail.recipient}>`, 250, 251);
    await peer.expect("DATA", 354);
    await beforeData();
    for (const piece of stuffDots(mail.bytes)) peer.write(piece);
    await peer.expect(undefined, 250);
    peer.quit();
  } finally {
    peer.end();
  }
}

class SmtpPeer {
  readonly #connection: Connection;
  readonly #options: SenderOptions;
  readonly #host: string;
  readonly #reader = new ResponseReader();
  readonly #responses: Response[] = [];
  #waiter: (() => void) | undefined;
  #failure: SmtpFailure | undefined;

  static async connect(hop: Hop, options: SenderOptions, useTls: boolean): Promise<SmtpPeer> {
    const tls = useTls ? { serverName: hop.host, verify: options.tls === "verified" } : undefined;
    try {
      const connection = await options.network.connect({
        host: hop.host,
        port: hop.port,
        ...(tls === undefined ? {} : { tls, implicitTls: options.implicitTls }),
        timeoutMs: CONNECT_TIMEOUT_MS,
      });
      return new SmtpPeer(connection, options, hop.host);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SmtpFailure(421, `4.4.1 Cannot connect to ${hop.host}:${hop.port}: ${reason}`, {
        cause: error,
      });
    }
  }

  private constructor(connection: Connection, options: SenderOptions, host: string) {
    this.#connection = connection;
    this.#options = options;
    this.#host = host;
    connection.onData((chunk) => this.#receive(chunk));
    connection.onClose((error) => {
      this.#fail(new SmtpFailure(421, "4.4.2 The host closed the connection", { cause: error, host }));
    });
  }

  get isSecure(): boolean {
    return this.#connection.tls !== undefined;
  }

  write(bytes: Buffer): void {
    this.#connection.write(bytes);
  }

  /** Sends a command, if any, and takes its answer. @throws SmtpFailure unless it is one of `codes` */
  async expect(line: string | undefined, ...codes: readonly number[]): Promise<Response> {
    if (line !== undefined) this.#connection.write(`${line}\r\n`);
    const response = await this.#next();
    if (codes.includes(response.code)) return response;
    const text = response.lines
      .join(" ")
      .replace(/[\p{Cc}\s]+/gu, " ")
      .slice(0, 500);
    // 2yz or 3yz where it makes no sense: somebody else's bug, so later.
    throw new SmtpFailure(response.code >= 400 ? response.code : 451, text, { host: this.#host });
  }

  /** Upper-case keyword → parameters. Old hosts know only HELO (RFC 5321 §3.2). */
  async hello(): Promise<ReadonlyMap<string, string>> {
    const { ownName } = this.#options;
    let response;
    try {
      response = await this.expect(`EHLO ${ownName}`, 250);
    } catch (error) {
      if (!(error instanceof SmtpFailure) || error.temporary) throw error;
      await this.expect(`HELO ${ownName}`, 250);
      return new Map();
    }
    return new Map(
      response.lines.slice(1).map((line) => {
        const [keyword = "", ...rest] = line.split(" ");
        return [keyword.toUpperCase(), rest.join(" ")];
      }),
    );
  }

  async startTls(): Promise<void> {
    await this.expect("STARTTLS", 220);
    try {
      await this.#connection.startTls();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new TlsFailure(454, `4.7.5 TLS failed: ${reason}`, { cause: error, host: this.#host });
    }
  }

  async authenticate(credentials: { readonly user: string; readonly password: Secret }): Promise<void> {
    if (!this.isSecure) throw new SmtpFailure(454, "4.7.11 No password without TLS", { host: this.#host });
    const response = Buffer.from(`\0${credentials.user}\0${credentials.password.reveal()}`).toString(
      "base64",
    );
    try {
      await this.expect(`AUTH PLAIN ${response}`, 235);
    } catch (error) {
      // A wrong password here is the operator's to mend; the mail is not to blame.
      const reason = error instanceof Error ? error.message : String(error);
      throw new SmtpFailure(454, `4.7.8 Cannot authenticate: ${reason}`, { cause: error, host: this.#host });
    }
  }

  /** The mail is handed over: what is answered does not matter any more. */
  quit(): void {
    this.#connection.write("QUIT\r\n");
  }

  end(): void {
    this.#connection.end();
  }

  async #next(): Promise<Response> {
    const { clock, timeoutMs } = this.#options;
    const timer = clock.setTimer(timeoutMs, () => {
      this.#fail(new SmtpFailure(421, "4.4.2 The host did not answer in time", { host: this.#host }));
      this.#connection.destroy();
    });
    try {
      for (;;) {
        const response = this.#responses.shift();
        if (response !== undefined) return response;
        if (this.#failure !== undefined) throw this.#failure;
        await new Promise<void>((resolve) => {
          this.#waiter = resolve;
        });
      }
    } finally {
      timer.cancel();
    }
  }

  #receive(chunk: Buffer): void {
    try {
      this.#responses.push(...this.#reader.read(chunk));
    } catch (error) {
      this.#fail(
        new SmtpFailure(451, "4.5.0 The host does not speak SMTP", { cause: error, host: this.#host }),
      );
      this.#connection.destroy();
    }
    this.#waiter?.();
  }

  #fail(failure: SmtpFailure): void {
    this.#failure ??= failure;
    this.#waiter?.();
  }
}

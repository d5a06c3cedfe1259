/**
 * The csync port: Cyrus's sync protocol from the first byte (Cyrus 3.6.1, observed). Bytes in, answers out, over a
 * Connection it does not own. One command at a time; no tags. Only administrators may run GET and APPLY.
 */
import type { Timer } from "../base/io/clock.ts";
import type { Connection } from "../base/io/network.ts";
import {
  AuthError,
  type AuthContext,
  type Directory,
  type Identity,
  type SaslExchange,
} from "../directory/port.ts";
import { DeflateLayer } from "../wire/deflate-layer.ts";
import { SyncProtocolError } from "./codec/errors.ts";
import { DlistReader } from "./codec/reader.ts";
import { type Send, SyncDialogue, type SyncServices } from "./dialogue.ts";
import { type BodyIntake, LineStream } from "./line-stream.ts";
import type { RecordSpool } from "./record-spool.ts";
import type { SyncSettings } from "./options.ts";

export interface SyncPorts extends SyncServices {
  readonly directory: Directory;
  readonly settings: SyncSettings;
  readonly hostName: string;
  readonly version: string;
  readonly tlsAvailable: boolean;
}

/** In a row; then the peer is no sync client. */
const MAX_BAD_COMMANDS = 20;

type Handler = (argument: string, line: Buffer) => Promise<string> | string;

export class SyncSession {
  readonly #connection: Connection;
  readonly #ports: SyncPorts;
  readonly #dialogue: SyncDialogue;
  readonly #stream: LineStream;
  readonly #closed: () => void;
  #deflate: DeflateLayer | undefined;
  #identity: Identity | undefined;
  #exchange: SaslExchange | undefined;
  #isEnded = false;
  #badCommands = 0;
  #lastHeardMs: number;
  #timer: Timer | undefined;

  constructor(connection: Connection, ports: SyncPorts, closed: () => void = () => {}) {
    this.#connection = connection;
    this.#ports = ports;
    this.#closed = closed;
    this.#dialogue = new SyncDialogue(ports);
    this.#stream = new LineStream(
      {
        write: (bytes) => this.#put(bytes),
        pause: () => {
          connection.pause();
          this.#deflate?.pause();
        },
        resume: () => {
          connection.resume();
          this.#deflate?.resume();
        },
        waitingOutputBytes: () => connection.bufferedBytes + (this.#deflate?.waitingBytes ?? 0),
        run: async (line, records) => this.#bounded(await this.#run(line, records)),
        broken: (reply) => this.#hangUp(reply),
        crashed: (error) => {
          ports.log.error("session failed", { peer: connection.remoteAddress, err: error });
          this.#isEnded = true;
          connection.destroy();
        },
      },
      this.#intake(),
      ports.settings.maxOutputBytes,
    );
    this.#stream.boundTo("strangers");
    this.#lastHeardMs = ports.clock.monotonicMs();
    connection.onData((chunk) => this.#receive(chunk));
    connection.onDrain(() => this.#stream.drained());
    connection.onClose(() => this.#end());
    this.#watchSilence();
    this.#greet();
  }

  /** Says BYE; the client starts again later. */
  shutDown(): void {
    this.#hangUp("BYE shutting down");
  }

  #hangUp(reply: string): void {
    if (this.#isEnded) return;
    this.#write(`${reply}\r\n`);
    this.#isEnded = true;
    this.#connection.end();
  }

  /** Bodies are taken from administrators only. */
  #intake(): BodyIntake {
    const dialogue = this.#dialogue;
    return {
      openFile: (header) => {
        // Nobody else has a use for it, and the disk is not everybody's.
        if (this.#identity?.isAdmin !== true) throw new SyncProtocolError("Please authenticate first");
        return dialogue.openFile(header);
      },
      openRecords: (head) => dialogue.openRecords(head),
      get isBehind() {
        return dialogue.isBehind;
      },
      idle: () => dialogue.idle(),
      restart: () => dialogue.restart(),
    };
  }

  #greet(): void {
    const { directory, hostName, version, tlsAvailable } = this.#ports;
    const mechanisms = directory.mechanisms(this.#authContext());
    let banner = mechanisms.length > 0 ? `* SASL ${mechanisms.join(" ")}\r\n` : "";
    if (tlsAvailable && this.#connection.tls === undefined) banner += "* STARTTLS\r\n";
    if (this.#deflate === undefined) banner += "* COMPRESS DEFLATE\r\n";
    this.#write(`${banner}* SIEVE-MAILBOX\r\n* OK ${hostName} Rookery sync server ${version}\r\n`);
  }

  #authContext(): AuthContext {
    const { remoteAddress, tls } = this.#connection;
    return { protocol: "sync", remoteAddress, tls };
  }

  #receive(chunk: Buffer): void {
    if (this.#isEnded) return;
    this.#lastHeardMs = this.#ports.clock.monotonicMs();
    if (this.#deflate === undefined) this.#stream.push(chunk);
    else if (!this.#deflate.receive(chunk)) this.#connection.pause();
  }

  /** A peer that speaks another protocol is not listened to for ever. */
  #bounded(reply: string): string {
    this.#badCommands = reply.startsWith("BAD") ? this.#badCommands + 1 : 0;
    if (this.#badCommands <= MAX_BAD_COMMANDS) return reply;
    this.#hangUp("BYE too many bad commands");
    return "";
  }

  async #run(line: Buffer, records: RecordSpool | undefined): Promise<string> {
    if (this.#exchange !== undefined) return this.#stepSasl(line.toString("latin1"));
    const space = line.indexOf(0x20);
    const word = line.toString("latin1", 0, space < 0 ? line.length : space).toUpperCase();
    const argument = space < 0 ? "" : line.toString("latin1", space + 1);
    const handler = this.#handlers[word];
    if (handler !== undefined) return handler(argument, line);
    if (word !== "GET" && word !== "APPLY" && word !== "RESTORE") {
      return "BAD IMAP_PROTOCOL_ERROR Unrecognized command";
    }
    if (this.#identity === undefined) return "NO Please authenticate first";
    if (!this.#identity.isAdmin) return "NO Permission denied";
    const send: Send = (pieces) => this.#stream.send(pieces);
    return this.#dialogue.run(word, new DlistReader(line, word.length), send, records);
  }

  readonly #handlers: Readonly<Record<string, Handler>> = {
    NOOP: () => "OK Noop completed",
    RESTART: () => {
      this.#dialogue.restart();
      return "OK Restarting";
    },
    EXIT: () => {
      this.#hangUp("OK Finished");
      return "";
    },
    AUTHENTICATE: (argument) => this.#authenticate(argument),
    STARTTLS: () => this.#startTls(),
    COMPRESS: (argument) => this.#compress(argument),
  };

  #authenticate(argument: string): Promise<string> | string {
    if (this.#identity !== undefined) return "NO Already authenticated";
    const [mechanism = "", initial] = argument.split(" ");
    try {
      this.#exchange = this.#ports.directory.startSasl(mechanism.toUpperCase(), this.#authContext());
    } catch (error) {
      if (error instanceof AuthError) return `NO ${error.message}`;
      throw error;
    }
    if (initial !== undefined) return this.#stepSasl(initial);
    return this.#exchange.serverFirst ? this.#stepSasl("") : "+ ";
  }

  async #stepSasl(text: string): Promise<string> {
    const exchange = this.#exchange!;
    if (text === "*") {
      this.#exchange = undefined;
      return "NO Authentication cancelled";
    }
    try {
      const step = await exchange.step(Buffer.from(text === "=" ? "" : text, "base64"));
      if (step.kind === "challenge") return `+ ${step.data.toString("base64")}`;
      this.#exchange = undefined;
      this.#identity = step.identity;
      if (step.identity.isAdmin) this.#stream.boundTo("peers");
      // SCRAM's last words travel with the success (Cyrus prot_printf "OK %s").
      if (step.data !== undefined) return `OK (${step.data.toString("base64")}) Success`;
      return `OK Success (${this.#connection.tls === undefined ? "no protection" : "tls protection"})`;
    } catch (error) {
      this.#exchange = undefined;
      if (error instanceof AuthError) return `NO ${error.message}`;
      throw error;
    }
  }

  async #startTls(): Promise<string> {
    if (!this.#ports.tlsAvailable || this.#connection.tls !== undefined || this.#deflate !== undefined) {
      return "BAD IMAP_PROTOCOL_ERROR Unrecognized command";
    }
    this.#write("OK Begin TLS negotiation now\r\n");
    this.#stream.clear();
    await this.#connection.startTls();
    this.#identity = undefined;
    this.#stream.boundTo("strangers");
    this.#greet();
    return "";
  }

  #compress(argument: string): string {
    if (argument.toUpperCase() !== "DEFLATE") return `NO Unknown compression algorithm: ${argument}`;
    if (this.#deflate !== undefined) return "NO Compression already active: DEFLATE";
    this.#write("OK DEFLATE active\r\n");
    this.#deflate = new DeflateLayer({
      plain: (chunk) => this.#stream.push(chunk),
      drained: () => this.#connection.resume(),
      packed: (chunk) => this.#connection.write(chunk),
      failed: () => this.#connection.destroy(),
    });
    return "";
  }

  #write(text: string): void {
    this.#put(Buffer.from(text, "utf8"));
  }

  #put(bytes: Buffer): void {
    if (this.#deflate === undefined) this.#connection.write(bytes);
    else this.#deflate.send(bytes);
  }

  #watchSilence(): void {
    const { clock, settings } = this.#ports;
    if (settings.timeoutMs === 0) return;
    this.#timer = clock.setTimer(settings.timeoutMs, () => {
      const silentMs = clock.monotonicMs() - this.#lastHeardMs;
      if (this.#stream.isBusy || silentMs < settings.timeoutMs) this.#watchSilence();
      else this.shutDown();
    });
  }

  #end(): void {
    this.#isEnded = true;
    this.#timer?.cancel();
    this.#deflate?.close();
    this.#stream.end();
    this.#closed();
  }
}

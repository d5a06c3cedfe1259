/**
 * A ManageSieve client (RFC 5804) for gateways: one command after the other over one connection. It takes TLS as it is
 * told, logs in by PLAIN or SCRAM-SHA-256, and knows the commands that change scripts.
 */
import type { Clock } from "../base/io/clock.ts";
import type { Connection, Network } from "../base/io/network.ts";
import type { Random } from "../base/io/random.ts";
import type { Secret } from "../base/secret.ts";
import { createSaslClient } from "../wire/sasl/client.ts";
import { SaslError } from "../wire/sasl/sasl-error.ts";
import { SilenceWatch } from "../wire/silence-watch.ts";
import { ResponseReader, type Token } from "./codec/response-reader.ts";

export interface SieveServer {
  readonly host: string;
  readonly port: number;
  /** `auto` takes STARTTLS where it is offered. */
  readonly tls: "implicit" | "starttls" | "auto" | "off";
  readonly verify: boolean;
  /** PEM of the authorities to trust instead of the system's. */
  readonly authorities?: string | undefined;
  readonly user: string;
  readonly password: Secret;
  readonly silenceMs: number;
}

export interface SievePorts {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
}

export interface ListedScript {
  readonly name: string;
  readonly isActive: boolean;
}

/** NO: the server did not do it. */
export class SieveRefusal extends Error {
  override name = "SieveRefusal";
  /** Upper case: QUOTA/MAXSCRIPTS, NONEXISTENT, TRYLATER … (RFC 5804 §1.3); "" = none. */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The connection or the protocol broke. */
export class SieveFailure extends Error {
  override name = "SieveFailure";
}

interface Answer {
  readonly status: string;
  readonly code: string;
  readonly text: string;
  readonly lines: readonly (readonly Token[])[];
}

const CONNECT_TIMEOUT_MS = 30_000;
/** Before the tagged line of one command. */
const MAX_LINES = 5_000;
const NONCE_BYTES = 18;

export class SieveClient {
  readonly #connection: Connection;
  readonly #reader = new ResponseReader();
  readonly #watch: SilenceWatch;
  #capabilities: ReadonlyMap<string, string> = new Map();
  #lines: (readonly Token[])[] = [];
  /** The greeting at first. */
  #waiting: PromiseWithResolvers<Answer> | undefined = Promise.withResolvers<Answer>();
  #challenged: ((challenge: Buffer) => void) | undefined;
  #failure: SieveFailure | undefined;

  private constructor(connection: Connection, clock: Clock, silenceMs: number) {
    this.#connection = connection;
    this.#watch = new SilenceWatch(clock, {
      limitMs: () => (this.#waiting === undefined ? 0 : silenceMs),
      isBusy: () => false,
      onSilent: () => this.#break(new SieveFailure(`the server said nothing for ${silenceMs} ms`)),
    });
    connection.onData((chunk) => this.#read(chunk));
    connection.onClose((error) =>
      this.#break(new SieveFailure("the connection was closed", { cause: error })),
    );
  }

  /** Connects and logs in. @throws SieveRefusal, SieveFailure, the Node error of the connection */
  static async connect(server: SieveServer, ports: SievePorts): Promise<SieveClient> {
    const { host, port, tls, verify, authorities, silenceMs } = server;
    const connection = await ports.network.connect({
      host,
      port,
      timeoutMs: CONNECT_TIMEOUT_MS,
      implicitTls: tls === "implicit",
      ...(tls === "off" ? {} : { tls: { verify, authorities } }),
    });
    const client = new SieveClient(connection, ports.clock, silenceMs);
    try {
      const greeting = await client.#waiting?.promise;
      if (greeting !== undefined) client.#take(greeting);
      await client.#secure(server);
      await client.#logIn(server, ports.random);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Small letters: `vacation`, `include` … */
  get extensions(): ReadonlySet<string> {
    return new Set((this.#capabilities.get("SIEVE") ?? "").toLowerCase().split(" "));
  }

  async listScripts(): Promise<readonly ListedScript[]> {
    const { lines } = await this.#command(["LISTSCRIPTS"]);
    return lines.flatMap(([name, mark]) =>
      name?.kind === "string"
        ? [{ name: name.bytes.toString("utf8"), isActive: atomOf(mark) === "ACTIVE" }]
        : [],
    );
  }

  /** Undefined when there is none of that name. */
  async findScript(name: string): Promise<Buffer | undefined> {
    try {
      const { lines } = await this.#command(["GETSCRIPT ", text(name)]);
      const [content] = lines[0] ?? [];
      return content?.kind === "string" ? content.bytes : Buffer.alloc(0);
    } catch (error) {
      if (!(error instanceof SieveRefusal)) throw error;
      // Not every server gives the code.
      if (error.code === "NONEXISTENT") return undefined;
      if ((await this.listScripts()).some((script) => script.name === name)) throw error;
      return undefined;
    }
  }

  /** @throws SieveRefusal also when the script is wrong */
  async putScript(name: string, content: Buffer): Promise<void> {
    await this.#command(["PUTSCRIPT ", text(name), " ", content]);
  }

  /** "" = none. */
  async setActive(name: string): Promise<void> {
    await this.#command(["SETACTIVE ", text(name)]);
  }

  close(): void {
    this.#watch.stop();
    if (this.#failure === undefined) this.#connection.end("LOGOUT\r\n");
    this.#failure ??= new SieveFailure("the connection was closed");
  }

  #take({ lines }: Answer): void {
    this.#capabilities = new Map(
      lines.map(([name, value]) => [textOf(name).toUpperCase(), textOf(value)] as const),
    );
  }

  async #secure({ tls, host, port }: SieveServer): Promise<void> {
    if (tls === "off" || this.#connection.tls !== undefined) return;
    if (!this.#capabilities.has("STARTTLS")) {
      if (tls === "auto") return;
      throw new SieveRefusal("", `${host}:${port} offers no TLS`);
    }
    await this.#command(["STARTTLS"]);
    // What came in the clear behind the answer was put there by somebody else.
    this.#reader.clear();
    this.#lines = [];
    // The server says its capabilities once more (RFC 5804 §2.2).
    const greeting = this.#answer();
    greeting.catch(() => {});
    await this.#connection.startTls();
    this.#take(await greeting);
  }

  async #logIn({ host, port, tls, user, password }: SieveServer, random: Random): Promise<void> {
    const offered = new Set((this.#capabilities.get("SASL") ?? "").toUpperCase().split(" "));
    const mayShow = this.#connection.tls !== undefined || tls === "off" || isLoopback(host);
    const mechanism = mayShow && offered.has("PLAIN") ? "PLAIN" : "SCRAM-SHA-256";
    if (!offered.has(mechanism)) {
      throw new SieveRefusal("", `${host}:${port} has no way to log in without showing the password`);
    }
    const nonce = random.bytes(NONCE_BYTES).toString("base64");
    const exchange = createSaslClient(mechanism, { username: user, password: password.reveal(), nonce });
    let failure: unknown;
    this.#challenged = (challenge) => {
      exchange.respond(Buffer.from(challenge.toString("latin1"), "base64")).then(
        (bytes) => this.#write([text(bytes.toString("base64")), "\r\n"]),
        (error: unknown) => {
          failure = error;
          this.#write([text("*"), "\r\n"]);
        },
      );
    };
    const first = exchange.initialResponse?.toString("base64") ?? "";
    try {
      const answer = await this.#command(["AUTHENTICATE ", text(mechanism), " ", text(first)]);
      const last = /^SASL (.*)$/i.exec(answer.code)?.[1];
      exchange.finish(last === undefined ? undefined : Buffer.from(last, "base64"));
    } catch (error) {
      const reason = failure ?? error;
      if (reason instanceof SaslError) throw new SieveRefusal("", `${mechanism}: ${reason.message}`);
      throw error;
    } finally {
      this.#challenged = undefined;
    }
  }

  async #command(parts: readonly (string | Buffer)[]): Promise<Answer> {
    if (this.#failure !== undefined) throw this.#failure;
    const answer = this.#answer();
    this.#write([...parts, "\r\n"]);
    const { status, code, text: said, ...rest } = await answer;
    if (status !== "OK") throw new SieveRefusal(code, said === "" ? status : said);
    return { status, code, text: said, ...rest };
  }

  /** Literals go without waiting: RFC 5804 §4 has only such. */
  #write(parts: readonly (string | Buffer)[]): void {
    this.#watch.heard();
    for (const part of parts) {
      if (typeof part === "string") this.#connection.write(part);
      else {
        this.#connection.write(`{${part.length}+}\r\n`);
        this.#connection.write(part);
      }
    }
  }

  #answer(): Promise<Answer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#waiting = Promise.withResolvers<Answer>();
    this.#watch.heard();
    return this.#waiting.promise;
  }

  #read(chunk: Buffer): void {
    this.#watch.heard();
    this.#reader.push(chunk);
    try {
      for (let line = this.#reader.next(); line !== undefined; line = this.#reader.next()) this.#line(line);
    } catch (error) {
      this.#break(new SieveFailure("the server does not speak ManageSieve", { cause: error }));
    }
  }

  #line(line: readonly Token[]): void {
    const status = atomOf(line[0]);
    if (status === "OK" || status === "NO" || status === "BYE") {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      const lines = this.#lines;
      this.#lines = [];
      waiting?.resolve({ status, lines, ...readStatus(line) });
    } else if (this.#challenged !== undefined && line[0]?.kind === "string") this.#challenged(line[0].bytes);
    else if (this.#lines.push(line) > MAX_LINES) throw new RangeError("the answer has too many lines");
  }

  #break(failure: SieveFailure): void {
    this.#watch.stop();
    if (this.#failure === undefined) this.#connection.destroy();
    this.#failure ??= failure;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }
}

/** `NO (QUOTA/MAXSIZE) "text"`. */
function readStatus(line: readonly Token[]): { readonly code: string; readonly text: string } {
  const close = line.findLastIndex((token) => atomOf(token) === ")");
  const hasCode = atomOf(line[1]) === "(" && close > 1;
  const inside = hasCode ? line.slice(2, close) : [];
  const code = inside.map((token) => (token.kind === "atom" ? token.text.toUpperCase() : textOf(token)));
  return { code: code.join(" "), text: textOf(line[hasCode ? close + 1 : 1]) };
}

function atomOf(token: Token | undefined): string {
  return token?.kind === "atom" ? token.text.toUpperCase() : "";
}

function textOf(token: Token | undefined): string {
  if (token === undefined) return "";
  return token.kind === "string" ? token.bytes.toString("utf8") : token.text;
}

/** Quoted where it can be, else a literal. */
function text(value: string): string | Buffer {
  return value.length <= 1_000 && !/[\r\n\0]/.test(value)
    ? `"${value.replaceAll(/["\\]/g, "\\$&")}"`
    : Buffer.from(value);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

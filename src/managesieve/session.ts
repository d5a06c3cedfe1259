/**
 * One ManageSieve session (RFC 5804): bytes in, answers out, over a Connection it does not own. Commands run one after
 * the other, however many are pipelined; scripts are read and written in `delivery/scripts.ts` only.
 */
import type { Clock } from "../base/io/clock.ts";
import type { Connection } from "../base/io/network.ts";
import type { Log } from "../base/log.ts";
import type { Scripts } from "../delivery/scripts.ts";
import type { AuthContext, Directory, Identity, SaslExchange } from "../directory/port.ts";
import { Arguments } from "./arguments.ts";
import { printCapabilities } from "./capabilities.ts";
import { type Argument, type Frame, Framer } from "./codec/framer.ts";
import { printResponse } from "./codec/writer.ts";
import type { Result } from "./command.ts";
import { MANAGESIEVE_COMMANDS } from "./commands/table.ts";
import type { ManagesieveMetrics } from "./metrics.ts";
import type { ManagesieveSettings } from "./options.ts";
import { Refusal, refusalOf } from "./reply.ts";
import { SilenceWatch } from "../wire/silence-watch.ts";
import { Throttle } from "../wire/throttle.ts";

export interface ManagesievePorts {
  readonly scripts: Scripts;
  readonly directory: Directory;
  readonly settings: ManagesieveSettings;
  readonly hostName: string;
  readonly version: string;
  readonly tlsAvailable: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: ManagesieveMetrics;
  /** Makes the user's mailboxes before the first login is answered. */
  readonly provision?: ((identity: Identity) => Promise<void>) | undefined;
  /** A front end: `sieve://host` where this user's scripts are; undefined = here (RFC 5804 §1.3, REFERRAL). */
  readonly referral?: ((identity: Identity) => Promise<string | undefined>) | undefined;
}

/** Above what a script and its command need, input that waits pauses the connection. */
const MAX_WAITING_BYTES = 65_536;
/** Answers that the peer does not read; above it no further command is run. */
const MAX_WAITING_OUTPUT_BYTES = 262_144;
/** Credentials are small; a script of an unknown peer is not kept. */
const MAX_LITERAL_BEFORE_LOGIN_BYTES = 16_384;

type LineHandler = (args: Arguments) => Result | Promise<Result>;

export class ManagesieveSession {
  readonly connection: Connection;
  readonly ports: ManagesievePorts;
  readonly id: number;
  readonly #closed: () => void;
  #framer = new Framer(MAX_LITERAL_BEFORE_LOGIN_BYTES);
  #lineHandler: LineHandler | undefined;
  #identity: Identity | undefined;
  #busy = false;
  #ended = false;
  #stopReason: string | undefined;
  #errors = 0;
  readonly #silence: SilenceWatch;
  readonly #throttle: Throttle;

  /** @param closed called once when the session is over */
  constructor(connection: Connection, ports: ManagesievePorts, id: number, closed: () => void = () => {}) {
    this.connection = connection;
    this.ports = ports;
    this.id = id;
    this.#closed = closed;
    this.#throttle = new Throttle(connection);
    ports.metrics.sessions.inc();
    connection.onData((chunk) => this.#receive(chunk));
    connection.onDrain(() => this.#pump());
    connection.onClose((error) => this.#onClose(error));
    this.#silence = new SilenceWatch(ports.clock, {
      limitMs: () => this.#limitMs,
      isBusy: () => this.#busy,
      onSilent: () => this.bye("Idle for too long"),
    });
    this.greet();
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** The user whose scripts are meant; commands that need one run only after login. */
  get userId(): string {
    if (this.#identity === undefined) throw new Refusal("Authenticate first");
    return this.#identity.userId;
  }

  get canStartTls(): boolean {
    return this.ports.tlsAvailable && this.connection.tls === undefined && this.#identity === undefined;
  }

  mechanisms(): readonly string[] {
    return this.ports.directory.mechanisms(this.#authContext);
  }

  /** @throws AuthError */
  startSasl(mechanism: string): SaslExchange {
    return this.ports.directory.startSasl(mechanism, this.#authContext);
  }

  /** Ends when the command that runs is done. */
  shutDown(reason: string): void {
    this.#stopReason = reason;
    if (!this.#busy) this.bye(reason, "TRYLATER");
  }

  /** At the beginning and after STARTTLS: RFC 5804 §1.7, §2.2. */
  greet(): void {
    this.write(
      printCapabilities(this) + printResponse("OK", `${this.ports.hostName} ManageSieve Rookery ready`),
    );
  }

  write(text: string | Buffer): void {
    this.connection.write(text);
  }

  /** False when the user was sent elsewhere. */
  async login(identity: Identity): Promise<boolean> {
    const target = await this.ports.referral?.(identity);
    if (target !== undefined) {
      this.bye("Scripts are on another server", `REFERRAL "${target}"`);
      return false;
    }
    await this.ports.provision?.(identity);
    this.#identity = identity;
    this.#framer.maxLiteralBytes = this.ports.scripts.limits.maxScriptBytes;
    return true;
  }

  /** RFC 5804 §2.14.1. */
  logout(): void {
    this.#identity = undefined;
    this.#framer.maxLiteralBytes = MAX_LITERAL_BEFORE_LOGIN_BYTES;
  }

  /** The next line is not a command but goes to `handle`. */
  expectLine(handle: LineHandler): void {
    this.#lineHandler = handle;
  }

  async startTls(): Promise<void> {
    this.write(printResponse("OK", "Begin TLS negotiation now"));
    this.#framer.clear();
    await this.connection.startTls();
    if (!this.#ended) this.greet();
  }

  bye(text: string, code?: string): void {
    this.end(printResponse("BYE", text, code));
  }

  end(lastWords: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.connection.end(lastWords);
  }

  get #authContext(): AuthContext {
    const { remoteAddress, tls } = this.connection;
    return { protocol: "sieve", remoteAddress, tls, session: this.id };
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.#silence.heard();
    this.#framer.push(chunk);
    this.#pump();
  }

  #pump(): void {
    while (!this.#busy && !this.#ended) {
      if (this.connection.bufferedBytes > MAX_WAITING_OUTPUT_BYTES) break;
      const frame = this.#framer.next();
      if (frame === undefined) break;
      this.#handle(frame);
    }
    if (this.#ended) return;
    this.#throttle.set(this.#framer.waitingBytes > MAX_WAITING_BYTES + this.#framer.maxLiteralBytes);
  }

  #handle(frame: Frame): void {
    const handler = this.#lineHandler;
    this.#lineHandler = undefined;
    if (frame.kind === "bad") this.#refuse("", new Refusal(frame.text), true);
    else if (frame.kind === "too_big") {
      this.#refuse("", new Refusal("Script is too large", "QUOTA/MAXSIZE"), this.#identity === undefined);
    } else if (handler !== undefined) this.#run("AUTHENTICATE", () => handler(new Arguments(frame.args)));
    else this.#runCommand(frame.args);
  }

  #runCommand([first, ...args]: readonly Argument[]): void {
    const name = first?.kind === "atom" ? first.text : "";
    const command = MANAGESIEVE_COMMANDS.get(name);
    if (command === undefined) {
      this.#refuse("", new Refusal("Command is unknown"), true);
      return;
    }
    this.#run(name, () => {
      if (command.state === "authenticated" && this.#identity === undefined) {
        throw new Refusal("Authenticate first");
      }
      if (command.state === "notAuthenticated" && this.#identity !== undefined) {
        throw new Refusal("Authenticated already");
      }
      return command.run(this, new Arguments(args));
    });
  }

  /** Runs `work` and answers; while it waits nothing else runs. */
  #run(name: string, work: () => Result | Promise<Result>): void {
    let result;
    try {
      result = work();
    } catch (error) {
      this.#fail(name, error);
      return;
    }
    if (!(result instanceof Promise)) {
      this.#answer(name, result);
      return;
    }
    this.#busy = true;
    result
      .then(
        (completion) => this.#answer(name, completion),
        (error: unknown) => this.#fail(name, error),
      )
      .finally(() => {
        this.#busy = false;
        this.#pump();
      });
  }

  #answer(name: string, completion: Result): void {
    this.#errors = 0;
    if (completion !== undefined && !this.#ended) {
      this.ports.metrics.commands.inc({ command: name, status: "OK" });
      this.write(printResponse("OK", completion.text ?? `${name} completed`, completion.code));
    }
    if (this.#stopReason !== undefined) this.bye(this.#stopReason, "TRYLATER");
  }

  #fail(name: string, error: unknown): void {
    const refusal = refusalOf(error);
    if (refusal !== undefined) {
      this.#refuse(name, refusal, false);
      return;
    }
    // A bug or a failing part of ours: this session ends, the others go on.
    this.ports.log.error("session failed", {
      session: this.id,
      user: this.#identity?.userId,
      command: name,
      err: error,
    });
    this.bye("Internal error", "TRYLATER");
  }

  #refuse(name: string, refusal: Refusal, counts: boolean): void {
    if (this.#ended) return;
    this.ports.metrics.commands.inc({ command: name === "" ? "unknown" : name, status: "NO" });
    this.write(printResponse("NO", refusal.message, refusal.code));
    if (counts) this.#errors += 1;
    if (this.#errors > this.ports.settings.maxErrors) this.bye("Too many errors");
    else if (this.#stopReason !== undefined) this.bye(this.#stopReason, "TRYLATER");
  }

  get #limitMs(): number {
    const { timeoutMs, loginTimeoutMs } = this.ports.settings;
    return this.#identity === undefined ? loginTimeoutMs : timeoutMs;
  }

  #onClose(error: Error | undefined): void {
    this.#ended = true;
    this.#silence.stop();
    this.ports.metrics.sessions.dec();
    if (error !== undefined) this.ports.log.debug("connection lost", { session: this.id, err: error });
    this.#closed();
  }
}

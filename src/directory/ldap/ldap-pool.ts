/** A bounded number of connections to the LDAP server, opened when needed, with a pause after failures. */
import { BoundedQueue } from "../../base/bounded-queue.ts";
import type { Clock } from "../../base/io/clock.ts";
import type { Log } from "../../base/log.ts";
import { AuthError } from "../port.ts";
import { LdapConnection } from "./ldap-connection.ts";
import type { LdapServerSettings } from "./ldap-options.ts";

/** Requests that may wait for a connection. */
const MAX_WAITING_REQUESTS = 1000;
const MAX_RETRY_DELAY_MS = 30_000;

export class LdapPool {
  readonly #settings: LdapServerSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #as: "searcher" | "nobody";
  readonly #maxConnections: number;
  readonly #idle: LdapConnection[] = [];
  readonly #waiting = new BoundedQueue<() => void>({ maxItems: MAX_WAITING_REQUESTS });
  #busy = 0;
  #failures = 0;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(
    settings: LdapServerSettings,
    clock: Clock,
    log: Log,
    options: { readonly as: "searcher" | "nobody"; readonly maxConnections: number },
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#as = options.as;
    this.#maxConnections = options.maxConnections;
  }

  /** Runs `work`, which must be harmless to repeat, on a connection of its own. @throws AuthError unavailable */
  async use<Result>(work: (connection: LdapConnection) => Promise<Result>): Promise<Result> {
    await this.#enter();
    try {
      // A connection that lay idle may be dead without our knowing: then once more on a new one.
      const idle = this.#takeIdle();
      if (idle !== undefined) {
        try {
          return await this.#run(idle, work);
        } catch (error) {
          this.#log.debug("ldap connection lost", { err: error });
        }
      }
      return await this.#run(await this.#open(), work);
    } catch (error) {
      throw error instanceof AuthError
        ? error
        : new AuthError("unavailable", `the LDAP server "${this.#settings.url}" cannot be asked`, {
            cause: error,
          });
    } finally {
      this.#leave();
    }
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  async #run<Result>(
    connection: LdapConnection,
    work: (connection: LdapConnection) => Promise<Result>,
  ): Promise<Result> {
    try {
      const result = await work(connection);
      if (this.#closed || !connection.isUsable) connection.close();
      else this.#idle.push(connection);
      return result;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #open(): Promise<LdapConnection> {
    if (this.#closed) throw new AuthError("unavailable", "the directory is closed");
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#pausedUntilMs) {
      throw new AuthError("unavailable", `the LDAP server "${this.#settings.url}" failed a moment ago`);
    }
    try {
      const connection = await LdapConnection.open(this.#settings, this.#clock, this.#as);
      this.#failures = 0;
      return connection;
    } catch (error) {
      const delayMs = Math.min(
        this.#settings.retryDelayMs * 2 ** Math.min(this.#failures, 20),
        MAX_RETRY_DELAY_MS,
      );
      this.#failures++;
      this.#pausedUntilMs = this.#clock.monotonicMs() + delayMs;
      this.#log.error("ldap server unavailable", { url: this.#settings.url, retryInMs: delayMs, err: error });
      throw error;
    }
  }

  #takeIdle(): LdapConnection | undefined {
    for (let last = this.#idle.pop(); last !== undefined; last = this.#idle.pop()) {
      if (last.isUsable) return last;
      last.close();
    }
    return undefined;
  }

  async #enter(): Promise<void> {
    if (this.#busy < this.#maxConnections) {
      this.#busy++;
      return;
    }
    // Whoever leaves hands its place over, so `#busy` does not change. Work is bounded in time, and so is the wait.
    await new Promise<void>((resolve, reject) => {
      if (!this.#waiting.offer(resolve)) {
        reject(new AuthError("unavailable", "too many requests wait for the LDAP server"));
      }
    });
  }

  #leave(): void {
    const next = this.#waiting.poll();
    if (next === undefined) this.#busy--;
    else next();
  }
}

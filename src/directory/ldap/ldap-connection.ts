/**
 * One connection to the LDAP server. It never connects again by itself: after STARTTLS a silent reconnect would carry
 * passwords in the clear.
 */
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { Client, InappropriateAuthError, InvalidCredentialsError, NoSuchObjectError } from "ldapts";
import type { Entry, SearchOptions } from "ldapts";
import type { Clock } from "../../base/io/clock.ts";
import type { LdapServerSettings } from "./ldap-options.ts";

export type LdapEntry = Entry;

export class LdapConnection {
  readonly #client: Client;
  readonly #socket: () => Socket | undefined;
  readonly #timeoutMs: number;
  readonly #clock: Clock;

  private constructor(client: Client, socket: () => Socket | undefined, timeoutMs: number, clock: Clock) {
    this.#client = client;
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** @throws the error of the failed connection, handshake or bind */
  static async open(
    settings: LdapServerSettings,
    clock: Clock,
    as: "searcher" | "nobody",
  ): Promise<LdapConnection> {
    const url = new URL(settings.url);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const ca = settings.caFile?.reveal();
    const tls = {
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
    };
    const options = {
      url: settings.url,
      timeout: settings.timeoutMs,
      connectTimeout: settings.timeoutMs,
      strictDN: false,
    };
    let socket: Socket | undefined;
    const kept = (opened: Socket): Socket => {
      if (socket !== undefined) opened.destroy(new Error("the connection to the LDAP server was closed"));
      return (socket ??= opened);
    };
    const client = new Client(
      url.protocol === "ldaps:"
        ? {
            ...options,
            // Given for ldap:// too, it would make the client speak TLS at once.
            tlsOptions: tls,
            createSecureConnection: ((...to: Parameters<typeof connectTls>) =>
              kept(connectTls(...to))) as typeof connectTls,
          }
        : {
            ...options,
            createConnection: ((...to: Parameters<typeof connect>) => kept(connect(...to))) as typeof connect,
          },
    );
    const connection = new LdapConnection(client, () => socket, settings.timeoutMs, clock);
    try {
      if (url.protocol !== "ldaps:" && settings.startTls) await connection.#inTime(client.startTLS(tls));
      if (as === "searcher") {
        await connection.#inTime(client.bind(settings.bindDn, settings.bindPassword?.reveal() ?? ""));
      }
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  /** Asked right before each use. The client alone does not notice that a connection with STARTTLS was closed. */
  get isUsable(): boolean {
    const socket = this.#socket();
    return this.#client.isConnected && socket !== undefined && socket.readyState === "open";
  }

  async search(base: string, options: SearchOptions): Promise<readonly LdapEntry[]> {
    const { searchEntries } = await this.#inTime(this.#client.search(base, options));
    return searchEntries;
  }

  /** The first page only (RFC 2696): a search that finds the whole company costs no more than one that finds a few. */
  async searchFirst(base: string, options: SearchOptions, pageSize: number): Promise<readonly LdapEntry[]> {
    const pages = this.#client.searchPaginated(base, { ...options, paged: { pageSize } });
    const first = await this.#inTime(pages.next());
    await pages.return(undefined);
    return first.done === true ? [] : first.value.searchEntries;
  }

  /** Whether the password is the DN's. An empty one is not asked for: it would succeed as nobody (RFC 4513 §5.1.2). */
  async checkPassword(dn: string, password: string): Promise<boolean> {
    if (password === "") return false;
    try {
      await this.#inTime(this.#client.bind(dn, password));
      return true;
    } catch (error) {
      const isWrong =
        error instanceof InvalidCredentialsError ||
        error instanceof InappropriateAuthError ||
        error instanceof NoSuchObjectError;
      if (isWrong) return false;
      throw error;
    }
  }

  /** Without an unbind request, which would wait for a peer that may be gone (RFC 4511 §5.3 allows it). */
  close(): void {
    this.#socket()?.destroy();
  }

  /** The library bounds single answers; this bounds the whole, TLS handshakes included. */
  async #inTime<Result>(work: Promise<Result>): Promise<Result> {
    const late = Promise.withResolvers<never>();
    const timer = this.#clock.setTimer(this.#timeoutMs, () => {
      late.reject(new Error(`the LDAP server did not answer within ${this.#timeoutMs} ms`));
    });
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      timer.cancel();
    }
  }
}

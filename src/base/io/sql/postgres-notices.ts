/**
 * Short texts that all processes at one PostgreSQL hear in one order (NOTIFY), the sender too. Hints: what is sent while
 * the session is away is lost, and `missed` tells so when it is back. It needs a session of its own, so no pooler that
 * lends sessions by the transaction.
 *
 * Texts that come while a NOTIFY is on its way go together in the next: a busy gateway costs the server one statement at a
 * time.
 */
import { Client } from "pg";
import type { Clock, Timer } from "../clock.ts";
import { withPassword } from "./postgres.ts";

export interface NoticesSettings {
  readonly url: string;
  /** Instead of one in the URL. */
  readonly password?: string | undefined;
  /** Letters, digits and underscores. */
  readonly channel: string;
  readonly clock: Clock;
  readonly onLost?: (error: Error) => void;
}

export interface NoticesListener {
  heard(text: string): void;
  /** The session was away; called when it is back. */
  missed(): void;
}

/** Texts that wait; further ones are lost. */
const MAX_WAITING = 10_000;
/** PostgreSQL takes less than 8,000 bytes. */
const MAX_PAYLOAD_BYTES = 7_900;
const CONNECT_TIMEOUT_MS = 10_000;
const QUERY_TIMEOUT_MS = 15_000;
const MIN_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;

export class PostgresNotices {
  readonly #settings: NoticesSettings;
  readonly #listener: NoticesListener;
  #client: Client | undefined;
  #waiting: string[] = [];
  #sending = false;
  #failures = 0;
  #retry: Timer | undefined;
  #closed = false;

  constructor(settings: NoticesSettings, listener: NoticesListener) {
    this.#settings = settings;
    this.#listener = listener;
  }

  /** Resolves after the first attempt; further ones follow by themselves. */
  async start(): Promise<void> {
    const { url, password, channel } = this.#settings;
    const client = new Client({
      ...(password === undefined ? { connectionString: url } : withPassword({ url, password })),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      keepAlive: true,
      application_name: "rookery notices",
    });
    client.on("error", (error) => this.#lost(client, error));
    client.on("end", () => this.#lost(client, new Error("the session ended")));
    client.on("notification", ({ payload = "" }) => {
      for (const text of payload.split("\n")) this.#listener.heard(text);
    });
    this.#client = client;
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
    } catch (error) {
      this.#lost(client, error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (this.#client !== client) return;
    if (this.#failures > 0) this.#listener.missed();
    this.#failures = 0;
    this.#send(client);
  }

  /** @param text of one line, at most 2,000 bytes */
  send(text: string): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(text);
    if (this.#client !== undefined && this.#failures === 0) this.#send(this.#client);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retry?.cancel();
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }

  #send(client: Client): void {
    if (this.#sending || this.#waiting.length === 0) return;
    this.#sending = true;
    client.query("SELECT pg_notify($1, $2)", [this.#settings.channel, this.#nextPayload()]).then(
      () => {
        this.#sending = false;
        if (this.#client === client) this.#send(client);
      },
      (error: unknown) => {
        this.#sending = false;
        this.#lost(client, error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  #nextPayload(): string {
    let bytes = 0;
    let count = 0;
    for (const text of this.#waiting) {
      bytes += Buffer.byteLength(text) + 1;
      if (count > 0 && bytes > MAX_PAYLOAD_BYTES) break;
      count += 1;
    }
    return this.#waiting.splice(0, count).join("\n");
  }

  #lost(client: Client, error: Error): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#waiting = [];
    client.end().catch(() => {});
    if (this.#closed) return;
    this.#failures += 1;
    this.#settings.onLost?.(error);
    const waitMs = Math.min(MIN_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10), MAX_RETRY_MS);
    this.#retry = this.#settings.clock.setTimer(waitMs, () => void this.start());
  }
}

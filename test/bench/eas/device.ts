/** A device of the benchmark: it syncs the inbox of its user and keeps its key. */
import { EasClient } from "../../../src/eas/client.ts";
import {
  folderSync,
  ping,
  type PingAnswer,
  sync,
  syncedCollection,
} from "../../../src/eas/client-commands.ts";
import { PASSWORD } from "../imap/servers.ts";
import { DOMAIN, type EasServer } from "./servers.ts";

const WINDOW = 100;
/** SOGo ends at 14.1. */
const VERSION = 141;
/** Of one request: SOGo may take long for a window. */
const TIMEOUT_MS = 300_000;
const INBOX_TYPE = 2;
const PING_SECONDS = 600;
/** The answer to a Ping that saw nothing: MS-ASCMD §2.2.3.177.11. */
export const NO_NEWS = 1;
export const NEWS = 2;
const run = Date.now().toString(36);
let devices = 0;
/** By the server's name: so that a measurement that takes too long can be ended. */
const openClients = new Map<string, Set<EasClient>>();

export interface Stretch {
  readonly items: number;
  readonly tookMs: number;
  /** False when the limit came first. */
  readonly complete: boolean;
}

export class Device {
  readonly #client: EasClient;
  readonly #inbox: string;
  readonly #forget: () => void;
  #syncKey = "0";

  private constructor(client: EasClient, inbox: string, forget: () => void) {
    this.#client = client;
    this.#inbox = inbox;
    this.#forget = forget;
  }

  /** A device that was never seen before, with its folders. */
  static async open({ name, url, path, keepConnections }: EasServer, user: string): Promise<Device> {
    const client: EasClient = new EasClient({
      url,
      ...(path === undefined ? {} : { path }),
      user: `${user}@${DOMAIN}`,
      password: PASSWORD,
      deviceId: `b${run}${devices++}`,
      gzip: false,
      version: VERSION,
      keepConnections,
      timeoutMs: TIMEOUT_MS,
    });
    const opened = openClients.get(name) ?? new Set<EasClient>();
    openClients.set(name, opened.add(client));
    const { adds } = await folderSync(client);
    const inbox = adds.find(({ type }) => type === INBOX_TYPE)?.serverId;
    if (inbox === undefined) throw new Error(`no inbox among ${adds.length} folders`);
    return new Device(client, inbox, () => opened.delete(client));
  }

  /** Ends what devices of this server wait for. */
  static closeAll({ name }: EasServer): void {
    for (const client of openClients.get(name) ?? []) client.close();
    openClients.delete(name);
  }

  /** @param truncationSize undefined: whole bodies; given with every request, as devices do */
  async syncToEnd(truncationSize: number | undefined, limitMs = Infinity): Promise<Stretch> {
    const start = performance.now();
    let items = 0;
    for (;;) {
      const isStart = this.#syncKey === "0";
      const answer = await this.#sync(truncationSize);
      items += answer.operations;
      const tookMs = performance.now() - start;
      if (!isStart && !answer.moreAvailable) return { items, tookMs, complete: true };
      if (tookMs > limitMs) return { items, tookMs, complete: false };
    }
  }

  /** Answers the operations that came. */
  async syncOnce(truncationSize: number): Promise<number> {
    return (await this.#sync(truncationSize)).operations;
  }

  async #sync(
    truncationSize: number | undefined,
  ): Promise<{ readonly operations: number; readonly moreAvailable: boolean }> {
    const collectionId = this.#inbox;
    const size = truncationSize === undefined ? {} : { truncationSize };
    const options = { filterType: 0, bodyPreferences: [{ type: 1, ...size }] };
    const root = await sync(this.#client, [
      { syncKey: this.#syncKey, collectionId, windowSize: WINDOW, ...options },
    ]);
    const answer = syncedCollection(root, collectionId);
    if (answer === undefined) return { operations: 0, moreAvailable: false };
    if (answer.status !== 1) throw new Error(`Sync got status ${answer.status}`);
    this.#syncKey = answer.syncKey;
    return { operations: answer.commands.length, moreAvailable: answer.moreAvailable };
  }

  hold(signal?: AbortSignal, seconds = PING_SECONDS): Promise<PingAnswer> {
    return ping(this.#client, seconds, [this.#inbox], signal === undefined ? {} : { signal });
  }

  close(): void {
    this.#forget();
    this.#client.close();
  }
}

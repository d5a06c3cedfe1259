/**
 * Hears of changes in a user's account for all of his waiting devices together: by NOTIFY (RFC 5465) on one connection, or
 * by IDLE on INBOX and a look at the other folders now and then; so with more folders than one NOTIFY holds. When the
 * connection is lost everybody is woken, since nobody knows what was missed.
 */
import type { Clock, Timer } from "../../../base/io/clock.ts";
import type { Log } from "../../../base/log.ts";
import type { ImapClient } from "../../../imap/client.ts";
import type { ImapLink } from "../../../imap/client-connect.ts";
import { wireMailbox } from "../../../imap/client-folders.ts";
import type { Untagged } from "../../../imap/codec/response.ts";
import type { RemoteFolder, RemoteTree } from "./folder-tree.ts";

export interface WatcherPorts {
  readonly connect: () => Promise<ImapLink>;
  readonly readTree: () => Promise<RemoteTree>;
  readonly pollMs: number;
  /** Names in one NOTIFY; undefined = as many as fit. */
  readonly maxNotified?: number;
  readonly clock: Clock;
  readonly log: Log;
}

interface Subscriber {
  readonly keys: ReadonlySet<string>;
  readonly listener: (key: string | undefined) => void;
}

/** The connection stays a while after the last waiting request: the next Ping comes in a moment. */
const LINGER_MS = 30_000;
/** Servers end a silent IDLE after 30 minutes (RFC 2177), some sooner. */
const RENEW_MS = 9 * 60_000;
const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** So many names keep the line of NOTIFY below what servers take. */
const MAX_NOTIFIED = 500;

export class Watcher {
  readonly #ports: WatcherPorts;
  readonly #subscribers = new Set<Subscriber>();
  #link: ImapLink | undefined;
  /** Resolves when changes of `#watched` are heard of. */
  #ready: Promise<void> | undefined;
  #watched = new Map<string, RemoteFolder>();
  /** Keys of those that the server does not tell of. */
  #polled: ReadonlySet<string> = new Set();
  #states = new Map<string, string>();
  #idling = false;
  #failures = 0;
  #timers: Timer[] = [];
  #linger: Timer | undefined;

  constructor(ports: WatcherPorts) {
    this.#ports = ports;
  }

  /** Resolves when no change can be missed any more. */
  async add(keys: readonly string[], listener: (key: string | undefined) => void): Promise<() => void> {
    const subscriber = { keys: new Set(keys), listener };
    this.#subscribers.add(subscriber);
    this.#linger?.cancel();
    const isNew = keys.some((key) => !this.#watched.has(key));
    if (this.#ready === undefined || isNew) this.#restart();
    try {
      await this.#ready;
    } catch (error) {
      this.#remove(subscriber);
      throw error;
    }
    return () => this.#remove(subscriber);
  }

  close(): void {
    this.#stop();
    this.#subscribers.clear();
  }

  #remove(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    if (this.#subscribers.size > 0) return;
    this.#linger?.cancel();
    this.#linger = this.#ports.clock.setTimer(LINGER_MS, () => {
      if (this.#subscribers.size === 0) this.#stop();
    });
  }

  #restart(): void {
    this.#stop();
    const starting = this.#start();
    this.#ready = starting;
    starting.catch((error: unknown) => {
      if (this.#ready === starting) this.#lost(error);
    });
  }

  #stop(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
    this.#ready = undefined;
    this.#idling = false;
    this.#link?.client.destroy();
    this.#link = undefined;
  }

  async #start(): Promise<void> {
    const tree = await this.#ports.readTree();
    const keys = new Set([...this.#subscribers].flatMap((subscriber) => [...subscriber.keys]));
    this.#watched = new Map(
      tree.folders
        .filter(({ key, selectable }) => keys.has(key) && selectable)
        .map((folder) => [folder.key, folder]),
    );
    this.#states = new Map(tree.folders.map(({ key, state, name }) => [key, `${name}\0${state}`]));
    const link = await this.#ports.connect();
    if (this.#link !== undefined) link.client.destroy();
    this.#link = link;
    link.client.onEnd((error) => {
      if (this.#link === link) this.#lost(error);
    });
    if (link.capabilities.has("NOTIFY") && (await this.#notify(link.client))) {
      this.#renewBy(() => link.client.command("NOOP"));
      if (this.#polled.size > 0) this.#poll();
    } else {
      this.#polled = new Set(this.#watched.keys());
      await this.#idle(link);
      this.#poll();
    }
    this.#failures = 0;
  }

  /** False when the server does not want to. */
  async #notify(client: ImapClient): Promise<boolean> {
    const { maxNotified = MAX_NOTIFIED } = this.#ports;
    // INBOX is what people wait for.
    const folders = [...this.#watched.values()].toSorted(
      (a, b) => Number(b.use === "inbox") - Number(a.use === "inbox"),
    );
    this.#polled = new Set(folders.slice(maxNotified).map(({ key }) => key));
    const names = folders
      .slice(0, maxNotified)
      .flatMap(({ wireName }, index) => [index === 0 ? "" : " ", ...wireMailbox(wireName)]);
    const mailboxes =
      names.length === 0 ? [] : ["(mailboxes (", ...names, ") (MessageNew MessageExpunge FlagChange)) "];
    client.onUntagged((response) => this.#hear(response));
    const result = await client.command([
      "NOTIFY SET ",
      ...mailboxes,
      "(personal (MailboxName SubscriptionChange))",
    ]);
    return result.status === "OK";
  }

  async #idle({ client, capabilities }: ImapLink): Promise<void> {
    if (!capabilities.has("IDLE") && !capabilities.has("IMAP4REV2")) return;
    client.onUntagged((response) => this.#hear(response));
    const inbox = await client.command("EXAMINE INBOX");
    if (inbox.status !== "OK") return;
    await this.#beginIdle(client);
    this.#renewBy(async () => {
      if (this.#idling) client.line("DONE");
      this.#idling = false;
      await this.#beginIdle(client);
    });
  }

  #beginIdle(client: ImapClient): Promise<void> {
    return new Promise((resolve, reject) => {
      client
        .command("IDLE", () => {
          this.#idling = true;
          resolve();
        })
        .then(
          // Refused: the polling alone must do.
          () => resolve(),
          reject,
        );
    });
  }

  #renewBy(renew: () => Promise<unknown>): void {
    const timer = this.#ports.clock.setTimer(RENEW_MS, () => {
      renew().then(
        () => this.#renewBy(renew),
        (error: unknown) => this.#lost(error),
      );
    });
    this.#timers.push(timer);
  }

  /** Compares what LIST and STATUS say with what they said before. */
  #poll(): void {
    const { clock, pollMs, readTree } = this.#ports;
    const timer = clock.setTimer(pollMs, () => {
      const link = this.#link;
      readTree().then(
        (tree) => {
          if (this.#link !== link) return;
          this.#compare(tree);
          this.#poll();
        },
        (error: unknown) => this.#lost(error),
      );
    });
    this.#timers.push(timer);
  }

  #compare({ folders }: RemoteTree): void {
    const before = this.#states;
    this.#states = new Map(folders.map(({ key, state, name }) => [key, `${name}\0${state}`]));
    const names = (states: ReadonlyMap<string, string>): string =>
      [...states].map(([key, state]) => `${key}\0${state.slice(0, state.indexOf("\0"))}`).join("\n");
    if (names(before) !== names(this.#states)) this.#wake(undefined);
    for (const key of this.#polled) {
      if (before.get(key) !== this.#states.get(key)) this.#wake(key);
    }
  }

  #hear(response: Untagged): void {
    if (response.name === "STATUS") {
      const name = response.arguments().sp().astringBytes().toString("latin1");
      for (const [key, { wireName }] of this.#watched) {
        if (wireName.toString("latin1") === name || bothInbox(wireName, name)) this.#wake(key);
      }
    } else if (response.name === "LIST") this.#wake(undefined);
    else if (["EXISTS", "EXPUNGE", "VANISHED", "FETCH"].includes(response.name)) {
      // Of the folder that is open: INBOX.
      if (this.#idling) this.#wake("inbox");
    }
  }

  #wake(key: string | undefined): void {
    for (const { keys, listener } of this.#subscribers) {
      if (key === undefined || keys.has(key)) listener(key);
    }
  }

  async #wakeAllWhenReady(): Promise<void> {
    try {
      await this.#ready;
    } catch {
      // It is tried again, and then they are woken.
      return;
    }
    for (const key of this.#watched.keys()) this.#wake(key);
    this.#wake(undefined);
  }

  #lost(error: unknown): void {
    const { clock, log } = this.#ports;
    this.#stop();
    if (this.#subscribers.size === 0) return;
    this.#failures += 1;
    const waitMs = Math.min(MIN_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10), MAX_RETRY_MS);
    log.debug("connection that waits for news was lost", {
      reason: error instanceof Error ? error.message : String(error),
      againInMs: waitMs,
    });
    const timer = clock.setTimer(waitMs, () => {
      if (this.#subscribers.size === 0) return;
      this.#restart();
      void this.#wakeAllWhenReady();
    });
    this.#timers.push(timer);
  }
}

function bothInbox(wireName: Buffer, name: string): boolean {
  return name.toUpperCase() === "INBOX" && wireName.toString("latin1").toUpperCase() === "INBOX";
}

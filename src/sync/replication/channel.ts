/**
 * One replica that follows every change: a durable position in the store's feed. Changes are grouped by user; what was
 * not taken is tried again, and the position does not pass it, so a crash of either end skips nothing.
 */
import type { Clock, Timer } from "../../base/io/clock.ts";
import type { Random } from "../../base/io/random.ts";
import type { Log } from "../../base/log.ts";
import type { UserId } from "../../store/model.ts";
import type { FeedFollower, Store } from "../../store/port.ts";
import { inboxOf } from "../../store/names.ts";
import { mailboxesOfUser, usersOf } from "../client/groups.ts";
import { ReplicaRefusal } from "../client/refusal.ts";
import type { SyncRun } from "../client/run.ts";
import { updateMeta, updateServerAnnotations } from "../client/update-meta.ts";
import { MAX_MAILBOXES, updateShared } from "../client/update-shared.ts";
import { updateSomeMailboxes, updateUser } from "../client/update-user.ts";
import type { ConfirmingChannel } from "./acknowledgements.ts";
import { Confirmations } from "./confirmations.ts";
import { groupByUser, type UserChanges } from "./feed-groups.ts";
import type { ReplicationMetrics } from "./metrics.ts";

/** Entries of the feed that one round looks at. */
const ROUND_ENTRIES = 2000;
const FIRST_RETRY_MS = 500;
/** Users whom an administrator has put into the queue. */
export const MAX_QUEUED_USERS = 1_000_000;
/** Users who could not be made equal and are tried again; above it the channel waits for them. */
const MAX_STUCK_USERS = 10_000;

export interface ChannelPorts {
  readonly name: string;
  readonly host: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: ReplicationMetrics;
  readonly maxRetryDelayMs: number;
  /** How long an answer waits for the replica (`acknowledge: replica`); undefined = not at all. */
  readonly acknowledgeTimeoutMs?: number | undefined;
  readonly connect: () => Promise<SyncRun>;
  /** False for users of whom this node is not master, or who are not to be replicated. */
  readonly isWanted: (user: UserId) => boolean;
}

export interface ChannelStatus {
  readonly name: string;
  readonly host: string;
  readonly isConnected: boolean;
  /** Everything is compared, since the feed does not reach back far enough. */
  readonly isComparing: boolean;
  readonly position: number;
  /** Changes that were not looked at, and the age of the oldest; those of stuck users have been. */
  readonly lagChanges: number;
  readonly lagSeconds: number;
  readonly queuedUsers: number;
  readonly stuckUsers: readonly UserId[];
  /** Age of the oldest change that a stuck user lacks, or since when he is stuck; 0 when nobody is. */
  readonly stuckSeconds: number;
  readonly lastError: string;
  /** `waiting` = answers wait for the replica, `given up` = it was too slow and nobody waits until it has caught up. */
  readonly acknowledge: "local" | "waiting" | "given up";
}

interface Stuck {
  /** Of his first change that the replica does not have. */
  readonly sequence: number;
  /** When that was made; when he was refused if the feed does not tell. */
  readonly sinceMs: number;
}

export class Channel implements ConfirmingChannel {
  readonly #ports: ChannelPorts;
  readonly #confirmations: Confirmations | undefined;
  #follower: FeedFollower | undefined;
  #run: SyncRun | undefined;
  /** Taken or put aside up to here; the follower's position is behind it while users are stuck. */
  #cursor = 0;
  readonly #stuck = new Map<UserId, Stuck>();
  readonly #queue = new Set<UserId>();
  /** The user of the queue whose turn it is. */
  #current: UserId | undefined;
  #lastError = "";
  #isComparing = false;
  #isStopping = false;
  #wake: () => void = () => {};
  #ended: Promise<void> = Promise.resolve();

  constructor(ports: ChannelPorts) {
    this.#ports = ports;
    const { acknowledgeTimeoutMs: limitMs, clock, log, metrics, name } = ports;
    if (limitMs === undefined) return;
    this.#confirmations = new Confirmations(clock, limitMs, () => {
      metrics.givenUp(name);
      log.error("replica did not confirm in time: answers do not wait for it until it has caught up", {
        channel: name,
        limitMs,
      });
    });
  }

  isWanted(user: UserId): boolean {
    return this.#ports.isWanted(user);
  }

  confirmed(user: UserId, sequence: number): Promise<void> {
    return this.#confirmations?.wait(user, sequence) ?? Promise.resolve();
  }

  start(): void {
    this.#ended = this.#work().catch((error: unknown) => {
      this.#lastError = error instanceof Error ? error.message : String(error);
      this.#ports.log.error("channel ended", { channel: this.#ports.name, err: error });
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#run?.replica.link.destroy();
    this.#wake();
    this.#confirmations?.letGo();
    await this.#ended;
  }

  /** False when the queue is full or the user is not this channel's. */
  enqueue(user: UserId): boolean {
    if (!this.#ports.isWanted(user) || this.#queue.size >= MAX_QUEUED_USERS) return false;
    this.#queue.add(user);
    this.#wake();
    return true;
  }

  status(): ChannelStatus {
    const { store, name, host, clock } = this.#ports;
    const nowMs = clock.nowMs();
    const ageOf = (atMs = nowMs): number => Math.max(0, (nowMs - atMs) / 1000);
    return {
      name,
      host,
      isConnected: this.#run !== undefined && !this.#run.replica.link.isLost,
      isComparing: this.#isComparing,
      position: this.#follower?.position ?? 0,
      lagChanges: Math.max(0, store.feed.head - this.#cursor),
      lagSeconds: ageOf(store.feed.read(this.#cursor, 1)[0]?.atMs),
      queuedUsers: this.#queue.size + (this.#current === undefined ? 0 : 1),
      stuckUsers: [...this.#stuck.keys()],
      stuckSeconds: Math.max(0, ...[...this.#stuck.values()].map(({ sinceMs }) => ageOf(sinceMs))),
      lastError: this.#lastError,
      acknowledge: this.#acknowledge(),
    };
  }

  #acknowledge(): ChannelStatus["acknowledge"] {
    if (this.#confirmations === undefined) return "local";
    return this.#confirmations.isGivenUp ? "given up" : "waiting";
  }

  async #work(): Promise<void> {
    const { store, name, log } = this.#ports;
    const follower = await store.feed.follow(`replication.${name}`, { fromStart: true });
    this.#follower = follower;
    this.#cursor = follower.position;
    const stopListening = follower.onNews(() => this.#wake());
    let failures = 0;
    while (!this.#isStopping) {
      try {
        const run = await this.#connected();
        const isIdle = await this.#round(run, follower);
        failures = 0;
        if (this.#stuck.size === 0) this.#lastError = "";
        if (isIdle) await this.#wait(this.#stuck.size === 0 ? undefined : this.#ports.maxRetryDelayMs);
      } catch (error) {
        if (this.#isStopping) break;
        this.#lastError = error instanceof Error ? error.message : String(error);
        log.warn("replication broke off, tried again later", { channel: name, err: this.#lastError });
        this.#run?.replica.link.destroy();
        this.#run = undefined;
        await this.#wait(this.#retryDelayMs(failures), false);
        failures += 1;
      }
    }
    stopListening();
    await this.#run?.replica.link.close();
  }

  async #connected(): Promise<SyncRun> {
    if (this.#run !== undefined && !this.#run.replica.link.isLost) return this.#run;
    const run = await this.#ports.connect();
    this.#ports.log.info("following", { channel: this.#ports.name, host: this.#ports.host });
    this.#run = run;
    return run;
  }

  /** True when there is nothing more to do. */
  async #round(run: SyncRun, follower: FeedFollower): Promise<boolean> {
    const { store } = this.#ports;
    // Not the follower's position: it stays behind while somebody is stuck, and the comparison was made.
    if (this.#cursor < store.feed.tail - 1) await this.#compareAll(run, follower);
    const entries = store.feed.read(this.#cursor, ROUND_ENTRIES);
    for (const changes of groupByUser(entries)) {
      if (!this.#ports.isWanted(changes.user)) continue;
      await this.#guarded(changes.user, changes.firstSequence, () => this.#send(run, changes));
    }
    const last = entries.at(-1);
    if (last !== undefined) {
      this.#cursor = last.sequence;
      this.#confirmations?.passed(this.#cursor, (user) => this.#stuck.has(user));
      await this.#advance(follower);
    }
    await this.#serveQueue(run);
    const isIdle = entries.length === 0 && this.#queue.size === 0;
    // The round has read everything that there was.
    if (entries.length < ROUND_ENTRIES && this.#stuck.size === 0) this.#confirmations?.caughtUp();
    if (isIdle) await this.#retryStuck(run, follower);
    return isIdle;
  }

  /** One queued user a round, so that changes do not wait for the queue. */
  async #serveQueue(run: SyncRun): Promise<void> {
    const [user] = this.#queue;
    if (user === undefined) return;
    this.#queue.delete(user);
    if (!this.#ports.isWanted(user)) return;
    this.#current = user;
    try {
      await this.#guarded(user, this.#cursor + 1, () => this.#sendAllOf(run, user));
    } catch (error) {
      this.#queue.add(user);
      throw error;
    } finally {
      this.#current = undefined;
    }
  }

  async #send(run: SyncRun, changes: UserChanges): Promise<void> {
    const { store } = this.#ports;
    const { user } = changes;
    if (changes.server) await updateServerAnnotations(run, this.#ports.isWanted);
    if (user !== "" && store.mailboxes.find(inboxOf(user)) === undefined) {
      failedFirst(await updateUser(run, user));
      return;
    }
    const ids = [...changes.mailboxes.keys()];
    for (let at = 0; at < ids.length; at += MAX_MAILBOXES) {
      const some = ids.slice(at, at + MAX_MAILBOXES);
      const mailboxes = some.flatMap((id) => store.mailboxes.byUniqueId(id) ?? []);
      const names = some.flatMap((id) => [...(changes.mailboxes.get(id) ?? [])]);
      failedFirst(await updateSomeMailboxes(run, mailboxes, names));
    }
    for (const root of changes.quotaRoots) {
      const quota = store.quotas.get(root);
      await (quota === undefined ? run.replica.unquota(root) : run.replica.quota(quota));
    }
    const hasScripts = ids.some((id) => store.mailboxes.byUniqueId(id)?.type === "sieve");
    const needsScripts = hasScripts && !run.replica.hasSieveMailbox;
    if ((changes.meta || needsScripts) && user !== "") await updateMeta(run, user);
  }

  /** A refusal is the user's alone: once more with everything of his, then later. */
  async #guarded(user: UserId, sequence: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof ReplicaRefusal)) throw error;
    }
    try {
      await this.#sendAllOf(await this.#connected(), user);
      this.#stuck.delete(user);
    } catch (error) {
      if (!(error instanceof ReplicaRefusal)) throw error;
      this.#lastError = `${user === "" ? "shared mailboxes" : user}: ${error.message}`;
      this.#ports.log.error("user could not be replicated, tried again later", { user, err: error });
      if (this.#stuck.size >= MAX_STUCK_USERS && !this.#stuck.has(user)) throw error;
      this.#putAside(user, sequence);
    }
  }

  #putAside(user: UserId, sequence: number): void {
    const known = this.#stuck.get(user);
    if (known !== undefined && known.sequence <= sequence) return;
    const [entry] = this.#ports.store.feed.read(sequence - 1, 1);
    const sinceMs = entry?.sequence === sequence ? entry.atMs : this.#ports.clock.nowMs();
    this.#stuck.set(user, { sequence, sinceMs });
  }

  /** Each once; who is refused again stays, unless somebody else has become his master. */
  async #retryStuck(run: SyncRun, follower: FeedFollower): Promise<void> {
    for (const user of this.#stuck.keys()) {
      try {
        if (this.#ports.isWanted(user)) await this.#sendAllOf(run, user);
        this.#stuck.delete(user);
      } catch (error) {
        if (!(error instanceof ReplicaRefusal)) throw error;
      }
    }
    await this.#advance(follower);
  }

  /** @throws ReplicaRefusal of the first mailbox that failed, after all have been tried */
  async #sendAllOf(run: SyncRun, user: UserId): Promise<void> {
    failedFirst(await (user === "" ? updateShared(run, this.#ports.isWanted) : updateUser(run, user)));
  }

  async #advance(follower: FeedFollower): Promise<void> {
    const safe = Math.min(this.#cursor, ...[...this.#stuck.values()].map(({ sequence }) => sequence - 1));
    await follower.advance(safe);
  }

  /**
   * The feed was trimmed, or the channel is new: everything is looked at once. No entry speaks of who is refused here, so
   * the position stays where it is until he is taken: after a restart everything is compared again.
   */
  async #compareAll(run: SyncRun, follower: FeedFollower): Promise<void> {
    const { store, isWanted } = this.#ports;
    const { head } = store.feed;
    const first = follower.position + 1;
    this.#isComparing = true;
    try {
      for (const user of usersOf(store)) {
        if (isWanted(user)) await this.#guarded(user, first, () => this.#sendAllOf(run, user));
      }
      if (isWanted("")) await this.#guarded("", first, () => this.#sendAllOf(run, ""));
    } finally {
      this.#isComparing = false;
    }
    this.#cursor = head;
    await this.#advance(follower);
  }

  #retryDelayMs(failures: number): number {
    const delayMs = Math.min(this.#ports.maxRetryDelayMs, FIRST_RETRY_MS * 2 ** Math.min(failures, 20));
    // Many channels of many servers must not come back in step.
    return delayMs / 2 + this.#ports.random.below(Math.ceil(delayMs / 2) + 1);
  }

  /** Until news, or the delay; with `forNews` false the delay alone ends it. */
  #wait(delayMs: number | undefined, forNews = true): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const end = (): void => {
        timer?.cancel();
        this.#wake = () => {};
        resolve();
      };
      if (delayMs !== undefined) timer = this.#ports.clock.setTimer(delayMs, end);
      this.#wake = () => {
        if (forNews || this.#isStopping) end();
      };
      // News may have come while nobody waited.
      if (this.#isStopping || (forNews && this.#hasNews())) end();
    });
  }

  #hasNews(): boolean {
    return this.#queue.size > 0 || this.#ports.store.feed.head > this.#cursor;
  }
}

/** @throws ReplicaRefusal of the first mailbox that failed */
function failedFirst(failed: readonly { readonly error: ReplicaRefusal }[]): void {
  const [first] = failed;
  if (first !== undefined) throw first.error;
}

/** Users whose mailboxes have not changed since: what an administrator queues after a big delta (S1.39). */
export function* idleUsers(store: Store, beforeSeconds: number): Generator<UserId> {
  for (const user of usersOf(store)) {
    let last = 0;
    for (const { lastAppendDate, recentTime } of mailboxesOfUser(store, user)) {
      last = Math.max(last, lastAppendDate, recentTime);
    }
    if (last < beforeSeconds) yield user;
  }
}

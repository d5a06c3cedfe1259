/**
 * What filters remember of the people they answered and of the mail they saw, so that another node knows it too: as
 * annotations of the owner's mailbox `#sieve`, which replicate and move with him.
 *
 * Stands before the outbound queue, whose own memory decides on this node: there a mail and its key are one commit. The
 * copy in the annotations is written after that; what a crash takes between the two is missing only on other nodes.
 * Redirects are not copied: their keys are for the sending host that tries again, and it tries here.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../base/io/clock.ts";
import type { Log } from "../base/log.ts";
import { StoreError } from "../store/errors.ts";
import type { UserId } from "../store/model.ts";
import type { Store } from "../store/port.ts";
import type { Outbound, OutboundMail, Submission } from "./outbound.ts";
import { scriptsMailbox } from "./scripts.ts";

export interface FilterMemoryPorts {
  readonly store: Store;
  readonly queue: Outbound;
  readonly clock: Clock;
  readonly log: Log;
}

/** Answers apart from what was seen: much mail must not push out whom the owner answered. */
type Kind = "answered" | "seen";

interface Kept {
  readonly digest: string;
  readonly entry: string;
  readonly untilS: number;
}

const ENTRY = "/vendor/rookery/filter";
/** Annotations of one kind: each change writes one of them whole. */
const BUCKETS = 16;
/** Keys in one of them; above it those that end first are forgotten. */
const MAX_KEYS_PER_BUCKET = 256;
const DIGEST_BYTES = 16;
const LINE_FORM = /^(\S+) ([0-9a-z]+)$/;

export class FilterMemory implements Outbound {
  readonly #ports: FilterMemoryPorts;
  readonly #turns = new Map<UserId, Promise<void>>();
  /** The change that begins when the running one of that user is done. */
  readonly #waiting = new Map<UserId, { readonly keys: Kept[]; readonly done: Promise<void> }>();

  constructor(ports: FilterMemoryPorts) {
    this.#ports = ports;
  }

  async submit(mail: OutboundMail): Promise<Submission> {
    const { once, userId, kind } = mail;
    if (once === undefined || kind === "redirect") return this.#ports.queue.submit(mail);
    if (this.#isKept(userId, "answered", once.key)) return "repeated";
    const status = await this.#ports.queue.submit(mail);
    if (status === "queued") await this.#keep(userId, "answered", once.key, once.seconds);
    return status;
  }

  isRemembered(userId: UserId, key: string): boolean {
    return this.#ports.queue.isRemembered(userId, key) || this.#isKept(userId, "seen", key);
  }

  async remember(userId: UserId, key: string, seconds: number): Promise<void> {
    await this.#ports.queue.remember(userId, key, seconds);
    await this.#keep(userId, "seen", key, seconds);
  }

  #isKept(userId: UserId, kind: Kind, key: string): boolean {
    const digest = digestOf(key);
    return (this.#read(userId, entryOf(kind, digest)).get(digest) ?? 0) > this.#nowS();
  }

  #nowS(): number {
    return Math.floor(this.#ports.clock.nowMs() / 1000);
  }

  /** Digest → second until which it counts. */
  #read(userId: UserId, entry: string): Map<string, number> {
    const keys = new Map<string, number>();
    for (const one of this.#ports.store.annotations.list(scriptsMailbox(userId), userId)) {
      if (one.entry !== entry || one.userId !== "") continue;
      for (const line of one.value.toString("latin1").split("\n")) {
        const match = LINE_FORM.exec(line);
        if (match !== null) keys.set(match[1] ?? "", Number.parseInt(match[2] ?? "", 36));
      }
    }
    return keys;
  }

  /** One change of a user after the other, since each reads what it changes; what comes meanwhile is the next one. */
  #keep(userId: UserId, kind: Kind, key: string, seconds: number): Promise<void> {
    const digest = digestOf(key);
    const kept = { digest, entry: entryOf(kind, digest), untilS: this.#nowS() + seconds };
    const waiting = this.#waiting.get(userId);
    if (waiting !== undefined) {
      waiting.keys.push(kept);
      return waiting.done;
    }
    const keys = [kept];
    const before = this.#turns.get(userId) ?? Promise.resolve();
    const done = before.then(() => {
      this.#waiting.delete(userId);
      return this.#write(userId, keys);
    });
    this.#waiting.set(userId, { keys, done });
    this.#turns.set(userId, done);
    return done.then(() => {
      if (this.#turns.get(userId) === done) this.#turns.delete(userId);
    });
  }

  /** Never throws: the node's own memory has it. */
  async #write(userId: UserId, keys: readonly Kept[]): Promise<void> {
    const { store, log } = this.#ports;
    const mailbox = scriptsMailbox(userId);
    try {
      if (store.mailboxes.find(mailbox) === undefined) return;
      const nowS = this.#nowS();
      const entries = new Map<string, Map<string, number>>();
      for (const { digest, entry, untilS } of keys) {
        let known = entries.get(entry);
        if (known === undefined) entries.set(entry, (known = this.#read(userId, entry)));
        known.set(digest, untilS);
      }
      const changes = [...entries].map(([entry, known]) => ({
        entry,
        userId: "",
        value: Buffer.from(print(known, nowS)),
      }));
      await store.annotations.set(mailbox, changes);
    } catch (error) {
      if (!(error instanceof StoreError)) log.error("filter memory not copied", { user: userId, err: error });
      else log.warn("filter memory not copied", { user: userId, code: error.code, reason: error.message });
    }
  }
}

function print(keys: ReadonlyMap<string, number>, nowS: number): string {
  return [...keys]
    .filter(([, untilS]) => untilS > nowS)
    .sort(([, one], [, other]) => other - one)
    .slice(0, MAX_KEYS_PER_BUCKET)
    .map(([digest, untilS]) => `${digest} ${untilS.toString(36)}\n`)
    .join("");
}

function digestOf(key: string): string {
  return createHash("sha256").update(key).digest().subarray(0, DIGEST_BYTES).toString("base64url");
}

function entryOf(kind: Kind, digest: string): string {
  const bucket = (Buffer.from(digest, "base64url")[0] ?? 0) % BUCKETS;
  return `${ENTRY}/${kind}/${bucket.toString(16)}`;
}

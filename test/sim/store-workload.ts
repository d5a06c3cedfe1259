/**
 * A random workload over a store, by seed: batches of concurrent deliveries, appends, flag changes, expunges, copies
 * and moves, between them single creates, renames and deletes. What is acknowledged goes into the model; what a crash
 * cut off becomes undecided there.
 */
import { toUid } from "../../src/base/numbers.ts";
import type { Uid } from "../../src/base/numbers.ts";
import { StoreError } from "../../src/store/errors.ts";
import type { Mailbox } from "../../src/store/model.ts";
import { SystemFlag } from "../../src/store/model.ts";
import type { DiskStore } from "../../src/store/disk-store.ts";
import type { Actor, NewMessage, StagedBody } from "../../src/store/port.ts";
import type { SimRandom } from "./sim-random.ts";
import type { ModelFlags, ModelMailbox, ModelMessage, StoreModel } from "./store-model.ts";

export const ACTOR: Actor = { userId: "alice", sessionId: 1 };
const MAX_CONCURRENT = 8;
const MAX_MAILBOXES = 6;
const KEYWORDS = ["$Forwarded", "$Junk", "Work"];
const SMALL_BYTES = 3000;
const BIG_BYTES = 400_000;
/** Every tombstone has outlived its days by then. */
const FAR_FUTURE_SECONDS = 2 ** 32;

/** One request: what is asked, and what it means for the model whether or not an answer came. */
interface Request {
  readonly what: string;
  send(): Promise<() => void>;
  /** The crash came before the answer. */
  doubt(): void;
}

export class Workload {
  readonly #store: DiskStore;
  readonly #model: StoreModel;
  readonly #random: SimRandom;
  readonly #crashed: () => boolean;
  #touched = new Set<ModelMessage>();
  #cutPower: (() => void) | undefined;

  constructor(store: DiskStore, model: StoreModel, random: SimRandom, crashed: () => boolean) {
    this.#store = store;
    this.#model = model;
    this.#random = random;
    this.#crashed = crashed;
  }

  /**
   * One step; resolves when every request is answered, or the power is off. `cutPower` is called when the store has
   * committed everything, before any answer counts: the crash is then somewhere inside these commits.
   */
  async step(cutPower?: () => void): Promise<void> {
    this.#touched = new Set();
    this.#cutPower = cutPower;
    const living = this.#model.living();
    if (living.length === 0 || (living.length < MAX_MAILBOXES && this.#random.chance(0.15))) {
      await this.#run([this.#create()]);
    } else if (this.#random.chance(0.08)) {
      await this.#run([this.#random.chance(0.6) ? this.#rename() : this.#delete()]);
    } else {
      const count = 1 + this.#random.below(MAX_CONCURRENT);
      await this.#run(Array.from({ length: count }, () => this.#messageRequest()));
    }
  }

  async #run(requests: readonly Request[]): Promise<void> {
    const open = new Set(requests);
    const answered = requests.map(async (request) => {
      const acknowledge = await request.send();
      // An answer that comes out after the power went off is nobody's: the machine is dead.
      if (this.#crashed()) return;
      if (this.#cutPower !== undefined) return;
      open.delete(request);
      acknowledge();
    });
    const outcomes = await this.#untilAnsweredOrCrashed(answered);
    this.#cutPower?.();
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "rejected" && !this.#crashed()) {
        throw new Error(`${requests[index]?.what} was refused`, { cause: outcome.reason });
      }
    }
    for (const request of open) request.doubt();
  }

  async #untilAnsweredOrCrashed(answered: readonly Promise<void>[]): Promise<PromiseSettledResult<void>[]> {
    const watch = { stopped: false };
    const all = Promise.allSettled(answered);
    const dead = (async () => {
      while (!watch.stopped && !this.#crashed()) await new Promise((resolve) => setImmediate(resolve));
      // Let what was already on its way arrive; nothing of it counts.
      for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve));
      return [];
    })();
    const outcomes = await Promise.race([all, dead]);
    watch.stopped = true;
    return outcomes;
  }

  #messageRequest(): Request {
    switch (this.#random.below(9)) {
      case 0:
      case 1:
      case 2:
        return this.#deliver();
      case 3:
        return this.#append();
      case 4:
        return this.#flags();
      case 5:
        return this.#expunge();
      case 6:
        return this.#copy(false);
      case 7:
        return this.#maintain();
      default:
        return this.#copy(true);
    }
  }

  #body(): Buffer {
    const known = this.#model.bodies;
    if (known.size > 0 && this.#random.chance(0.1)) return this.#random.pick([...known.values()]);
    const bytes = this.#random.chance(0.05) ? this.#random.below(BIG_BYTES) : this.#random.below(SMALL_BYTES);
    const subject = `Subject: ${this.#random.below(1e9)}\r\nFrom: a@example.test\r\n\r\n`;
    const rest = Buffer.alloc(bytes, this.#random.bytes(Math.min(64, bytes + 1)));
    return this.#model.handIn(Buffer.concat([Buffer.from(subject), rest]));
  }

  async #stage(body: Buffer): Promise<StagedBody> {
    if (body.length < SMALL_BYTES * 2) return this.#store.stageBuffer(body);
    const writer = this.#store.stage(body.length);
    for (let at = 0; at < body.length; at += 65_536) await writer.write(body.subarray(at, at + 65_536));
    return await writer.finish();
  }

  #newFlags(): ModelFlags {
    const bits = [SystemFlag.seen, SystemFlag.flagged, SystemFlag.answered, SystemFlag.deleted];
    let systemFlags = 0;
    for (const bit of bits) if (this.#random.chance(0.3)) systemFlags |= bit;
    return { systemFlags, keywords: KEYWORDS.filter(() => this.#random.chance(0.2)).toSorted() };
  }

  #mailbox(): ModelMailbox {
    return this.#random.pick(this.#model.living());
  }

  #real(mailbox: ModelMailbox): Mailbox {
    const found = this.#store.mailboxes.byUniqueId(mailbox.uniqueId);
    if (found === undefined) throw new Error(`mailbox ${mailbox.names[0]} is missing`);
    return found;
  }

  /** Some messages of the mailbox that no other request of this step touches. */
  #pickMessages(mailbox: ModelMailbox): ModelMessage[] {
    const free = this.#model.there(mailbox).filter((message) => !this.#touched.has(message));
    const chosen = free.filter(() => this.#random.chance(Math.min(1, 4 / free.length)));
    for (const message of chosen) this.#touched.add(message);
    return chosen;
  }

  #deliver(): Request {
    const targets = [...new Set([this.#mailbox(), this.#mailbox()])];
    const body = this.#body();
    const prefix = Buffer.from("Return-Path: <x@example.test>\r\n");
    const whole = this.#model.handIn(Buffer.concat([prefix, body]));
    return {
      what: `deliver ${whole.length} bytes into ${targets.map((target) => target.names[0]).join(", ")}`,
      send: async () => {
        const staged = await this.#stage(body);
        const results = await this.#store.deliver(
          staged,
          targets.map((target) => ({
            mailbox: this.#real(target).id,
            systemFlags: 0,
            keywords: [],
            prefix,
          })),
        );
        staged.release();
        const refused = results.find((result) => result.status !== "delivered");
        if (refused?.status === "refused") throw refused.error;
        return () => {
          for (const [index, result] of results.entries()) {
            const target = targets[index];
            if (target === undefined || result.status !== "delivered") continue;
            this.#model.appended(target, result.uid, whole, { systemFlags: 0, keywords: [] }, 0);
          }
        };
      },
      doubt: () => {},
    };
  }

  #append(): Request {
    const target = this.#mailbox();
    const messages = Array.from({ length: 1 + this.#random.below(3) }, () => ({
      body: this.#body(),
      flags: this.#newFlags(),
    }));
    return {
      what: `append ${messages.length} to ${target.names[0]}`,
      send: async () => {
        const news: NewMessage[] = [];
        for (const { body, flags } of messages) news.push({ body: await this.#stage(body), ...flags });
        const result = await this.#store.append(this.#real(target).id, news, ACTOR);
        return () => {
          for (const [index, uid] of result.uids.entries()) {
            const message = messages[index];
            if (message === undefined) continue;
            this.#model.appended(target, uid, message.body, message.flags, result.modseq);
          }
        };
      },
      doubt: () => {},
    };
  }

  #flags(): Request {
    const mailbox = this.#mailbox();
    const messages = this.#pickMessages(mailbox);
    const flags = this.#newFlags();
    return {
      what: `flags of ${messages.length} in ${mailbox.names[0]}`,
      send: async () => {
        const change = { mode: "replace" as const, ...flags };
        const uids = uidsOf(messages);
        const result = await this.#store.storeFlags(this.#real(mailbox).id, uids, change, ACTOR);
        return () => {
          for (const message of messages) message.flags = flags;
          this.#model.changed(mailbox, result.modseq);
        };
      },
      doubt: () => {
        for (const message of messages) message.flags = undefined;
      },
    };
  }

  #expunge(): Request {
    const mailbox = this.#mailbox();
    const messages = this.#pickMessages(mailbox).slice(0, 2);
    return {
      what: `expunge ${messages.length} in ${mailbox.names[0]}`,
      send: async () => {
        const options = { onlyDeleted: false };
        const result = await this.#store.expunge(this.#real(mailbox).id, uidsOf(messages), options, ACTOR);
        return () => {
          for (const message of messages) message.presence = "gone";
          this.#model.changed(mailbox, result.modseq);
        };
      },
      doubt: () => {
        for (const message of messages) message.presence = "open";
      },
    };
  }

  #copy(move: boolean): Request {
    const source = this.#mailbox();
    const target = this.#mailbox();
    const messages = source === target && move ? [] : this.#pickMessages(source);
    return {
      what: `${move ? "move" : "copy"} ${messages.length} from ${source.names[0]} to ${target.names[0]}`,
      send: async () => {
        const from = this.#real(source).id;
        const to = this.#real(target).id;
        if (messages.length === 0) return () => {};
        const result = await this.#store.copy(from, uidsOf(messages), to, { move }, ACTOR);
        return () => {
          for (const [index, sourceUid] of result.sourceUids.entries()) {
            const message = source.messages.get(sourceUid);
            const uid = result.targetUids[index];
            if (message?.flags === undefined || uid === undefined) continue;
            this.#model.appended(target, uid, message.body, message.flags, result.modseq);
            if (move) message.presence = "gone";
          }
        };
      },
      doubt: () => {
        if (move) for (const message of messages) message.presence = "open";
      },
    };
  }

  /** Expiry, compaction or archiving beside the other requests: nobody can tell the difference. */
  #maintain(): Request {
    const { maintenance } = this.#store;
    const what = this.#random.pick(["expire", "archive", "compact"] as const);
    const largerThanBytes = this.#random.below(SMALL_BYTES);
    return {
      what,
      send: async () => {
        // Files go after a commit is on disk; a cut inside earlier commits would be no crash that can happen then.
        if (this.#cutPower !== undefined) maintenance.hold();
        if (what === "expire") await this.#store.expire(FAR_FUTURE_SECONDS);
        else if (what === "archive") await maintenance.archive({ olderThanDays: undefined, largerThanBytes });
        else await maintenance.compact({ belowLive: 1 });
        return () => {};
      },
      doubt: () => {},
    };
  }

  #create(): Request {
    const name = this.#model.mailboxes.size === 0 ? "user.alice" : this.#model.newName();
    return {
      what: `create ${name}`,
      send: async () => {
        const made = await this.#store.create(name, {});
        return () => {
          this.#model.created(made.uniqueId, name, made.uidValidity, made.highestModseq);
        };
      },
      doubt: () => {
        this.#model.openNames.push(name);
      },
    };
  }

  #rename(): Request {
    const mailbox = this.#mailbox();
    const name = this.#model.newName();
    const isInbox = mailbox.names[0] === "user.alice";
    return {
      what: `rename ${mailbox.names[0]} to ${name}`,
      send: async () => {
        if (isInbox) return () => {};
        await this.#store.rename(this.#real(mailbox).id, name, { withChildren: false });
        return () => {
          mailbox.names = [name];
        };
      },
      doubt: () => {
        if (!isInbox) mailbox.names = [...mailbox.names, name];
      },
    };
  }

  #delete(): Request {
    const mailbox = this.#mailbox();
    const isInbox = mailbox.names[0] === "user.alice";
    const immediate = this.#random.chance(0.5);
    return {
      what: `delete ${mailbox.names[0]}`,
      send: async () => {
        if (isInbox) return () => {};
        await this.#store.delete(this.#real(mailbox).id, { immediate });
        return () => {
          mailbox.names = [];
        };
      },
      doubt: () => {
        mailbox.mayBeGone = !isInbox;
      },
    };
  }
}

function uidsOf(messages: readonly ModelMessage[]): Uid[] {
  return messages.map((message) => toUid(message.uid)).toSorted((a, b) => a - b);
}

/** For tests that make requests fail on purpose. */
export function codeOf(error: unknown): string {
  return error instanceof StoreError ? error.code : String(error);
}

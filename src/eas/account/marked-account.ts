/**
 * Marks of messages (item-marks.ts) for accounts whose server cannot keep them: they stand in the gateway's state, one
 * record a folder. A keyword that changes with them lets the server tell the user's other devices that there is news.
 */
import type { Uid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import type { ItemMarks } from "./item-marks.ts";
import type { FolderMarks, MarkStore } from "./mark-store.ts";
import {
  type Account,
  AccountError,
  type Accounts,
  type AppendOptions,
  type FailedItem,
  type FolderUse,
  type ItemFlagChange,
  type ItemState,
  type MailCollection,
  type MailItem,
} from "./port.ts";

/** One of them is on a message with marks; each change of them puts the other one in its place. */
const KEYWORDS = ["$Rookery0", "$Rookery1"] as const;

/** The same accounts, whose messages keep marks. */
export function marked(accounts: Pick<Accounts, "open">, store: MarkStore): Accounts {
  return {
    open: async (name, password, remoteAddress, tls) =>
      withMarks(await accounts.open(name, password, remoteAddress, tls), store),
  };
}

function withMarks(account: Account, store: MarkStore): Account {
  return new Proxy(account, {
    get(target, name): unknown {
      if (name === "openMail") {
        return async (key: string) => new MarkedCollection(await target.openMail(key), target, store);
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function"
        ? (...values: unknown[]): unknown => Reflect.apply(value, target, values)
        : value;
    },
  });
}

class MarkedCollection implements MailCollection {
  readonly #inner: MailCollection;
  readonly #account: Account;
  readonly #store: MarkStore;
  #read: Promise<FolderMarks> | undefined;

  constructor(inner: MailCollection, account: Account, store: MarkStore) {
    this.#inner = inner;
    this.#account = account;
    this.#store = store;
  }

  get key(): string {
    return this.#inner.key;
  }
  get epoch(): string {
    return this.#inner.epoch;
  }
  get highestModseq(): number {
    return this.#inner.highestModseq;
  }
  get uidNext(): number {
    return this.#inner.uidNext;
  }
  get use(): FolderUse {
    return this.#inner.use;
  }

  uids(since: number): Promise<Uint32Array> {
    return this.#inner.uids(since);
  }

  async changedAfter(
    position: Parameters<MailCollection["changedAfter"]>[0],
    limit: number,
  ): Promise<readonly ItemState[]> {
    return this.#marked(await this.#inner.changedAfter(position, limit));
  }

  vanishedSince(modseq: number): Promise<Uint32Array | "unknown"> {
    return this.#inner.vanishedSince(modseq);
  }

  async states(uids: readonly Uid[]): Promise<readonly ItemState[]> {
    return this.#marked(await this.#inner.states(uids));
  }

  async *items(uids: readonly Uid[]): AsyncGenerator<MailItem | FailedItem> {
    for await (const item of this.#inner.items(uids)) {
      if (item.failure !== undefined) yield item;
      else yield (await this.#marked([item]))[0] ?? item;
    }
  }

  async storeFlags(uids: readonly Uid[], change: ItemFlagChange): Promise<ReadonlyMap<Uid, number>> {
    const { marks, add, remove } = change;
    if (marks === undefined) return this.#inner.storeFlags(uids, change);
    const modseqs = new Map<Uid, number>();
    for (const state of await this.#inner.states(uids)) {
      // Before the flags: whoever hears of the change finds them.
      await this.#store.change(this.#place(), new Map([[state.uid, marks]]));
      this.#read = undefined;
      const [now, next] = has(state, KEYWORDS[0]) ? KEYWORDS : ([KEYWORDS[1], KEYWORDS[0]] as const);
      const told: ItemFlagChange = {
        add: { ...add, keywords: [...add.keywords, next] },
        remove: { ...remove, keywords: [...remove.keywords, ...(has(state, now) ? [now] : [])] },
      };
      const done = await this.#storeTold(state.uid, told, { add, remove });
      for (const [uid, modseq] of done) modseqs.set(uid, modseq);
    }
    return modseqs;
  }

  /** A server that takes no new keywords tells the other devices with the next change of the message. */
  async #storeTold(uid: Uid, told: ItemFlagChange, plain: ItemFlagChange): Promise<ReadonlyMap<Uid, number>> {
    try {
      return await this.#inner.storeFlags([uid], told);
    } catch (error) {
      const isRefused =
        error instanceof AccountError &&
        (error.code === "permission_denied" || error.code === "keyword_limit");
      if (!isRefused) throw error;
      return this.#inner.storeFlags([uid], plain);
    }
  }

  async move(uids: readonly Uid[], targetKey: string): Promise<ReadonlyMap<Uid, Uid>> {
    const marks = uids.length === 0 ? undefined : await this.#marks();
    const moved = await this.#inner.move(uids, targetKey);
    const carried = new Map<Uid, ItemMarks>();
    for (const [from, to] of moved) {
      const found = marks?.get(from);
      if (found !== undefined) carried.set(to, found);
    }
    if (carried.size === 0) return moved;
    const target = await this.#account.openMail(targetKey);
    try {
      const { userId } = this.#account;
      await this.#store.change({ userId, folderKey: targetKey, epoch: target.epoch }, carried);
    } finally {
      target.release();
    }
    return moved;
  }

  expunge(uids: readonly Uid[]): Promise<void> {
    return this.#inner.expunge(uids);
  }

  append(message: Buffer, options: AppendOptions): ReturnType<MailCollection["append"]> {
    return this.#inner.append(message, options);
  }

  release(): void {
    this.#inner.release();
  }

  #place(): { readonly userId: string; readonly folderKey: string; readonly epoch: string } {
    return { userId: this.#account.userId, folderKey: this.key, epoch: this.epoch };
  }

  #marks(): Promise<FolderMarks> {
    return (this.#read ??= this.#store.read(this.#place()));
  }

  /** Most messages have no flag that comes with marks: then nothing is looked up. */
  async #marked<State extends ItemState>(states: readonly State[]): Promise<readonly State[]> {
    if (!states.some(mayHaveMarks)) return states;
    const marks = await this.#marks();
    return states.map((state) => {
      const found = marks.get(state.uid);
      return found === undefined ? state : { ...state, marks: found };
    });
  }
}

function mayHaveMarks({ systemFlags, keywords }: ItemState): boolean {
  return (systemFlags & (SystemFlag.flagged | SystemFlag.answered)) !== 0 || keywords.length > 0;
}

function has({ keywords }: ItemState, keyword: string): boolean {
  return keywords.some((one) => one.toLowerCase() === keyword.toLowerCase());
}

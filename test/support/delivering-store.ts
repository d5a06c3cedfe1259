import type { DeliveryResult, DeliveryTarget, StagedBody, Store } from "../../src/store/port.ts";
import { StoreError } from "../../src/store/errors.ts";
import type { MailboxName, QuotaRoot } from "../../src/store/model.ts";
import { toModseq } from "../../src/base/numbers.ts";
import { MemoryStore } from "./memory-store.ts";

/** The store in memory with what delivery needs besides mailboxes: duplicates, quota roots, server annotations. */
export class DeliveringStore extends MemoryStore {
  readonly #bytes = new WeakMap<StagedBody, Buffer>();
  readonly #keys = new Set<string>();
  readonly #limits = new Map<MailboxName, number>();
  readonly #annotations = new Map<string, Buffer>();
  /** Refuses the next deliveries with this. */
  refuseWith: StoreError | undefined;

  override stageBuffer(bytes: Buffer): StagedBody {
    const body = super.stageBuffer(bytes);
    this.#bytes.set(body, bytes);
    return body;
  }

  override stage(): ReturnType<MemoryStore["stage"]> {
    const chunks: Buffer[] = [];
    return {
      async write(chunk) {
        chunks.push(chunk);
        await Promise.resolve();
      },
      finish: () => Promise.resolve(this.stageBuffer(Buffer.concat(chunks))),
      discard: () => undefined,
    };
  }

  readonly quotas = {
    get: (root: MailboxName): QuotaRoot | undefined => this.#root(root),
    rootOf: (name: MailboxName): QuotaRoot | undefined => {
      const root = [...this.#limits.keys()].find((one) => name === one || name.startsWith(`${one}.`));
      return root === undefined ? undefined : this.#root(root);
    },
    set: async (root: MailboxName, limits: { storageLimitBytes?: number | undefined }): Promise<void> => {
      if (limits.storageLimitBytes !== undefined) this.#limits.set(root, limits.storageLimitBytes);
      await Promise.resolve();
    },
  };

  readonly annotations = {
    list: (): { entry: string; userId: string }[] =>
      [...this.#annotations.keys()].map((key) => {
        const [entry = "", userId = ""] = key.split(" ");
        return { entry, userId };
      }),
    set: async (
      _mailbox: MailboxName,
      changes: readonly { entry: string; userId: string; value: Buffer | undefined }[],
    ): Promise<void> => {
      for (const { entry, userId, value } of changes) {
        if (value === undefined) this.#annotations.delete(`${entry} ${userId}`);
        else this.#annotations.set(`${entry} ${userId}`, value);
      }
      await Promise.resolve();
    },
  };

  async deliver(body: StagedBody, targets: readonly DeliveryTarget[]): Promise<DeliveryResult[]> {
    const results: DeliveryResult[] = [];
    for (const target of targets) results.push(await this.#deliverOne(body, target));
    return results;
  }

  async #deliverOne(body: StagedBody, target: DeliveryTarget): Promise<DeliveryResult> {
    if (this.refuseWith !== undefined) return { status: "refused", error: this.refuseWith };
    const { duplicateKey: key } = target;
    if (key !== undefined && this.#keys.has(key)) return { status: "duplicate" };
    const bytes = Buffer.concat([target.prefix, this.#bytes.get(body) ?? Buffer.alloc(0)]);
    const name = this.mailboxes.byId(target.mailbox)?.name ?? "";
    const root = this.quotas.rootOf(name);
    const full = root !== undefined && root.storageUsedBytes + bytes.length > (root.storageLimitBytes ?? 0);
    if (full && target.ignoreQuota !== true) {
      return { status: "refused", error: new StoreError("over_quota", "quota exceeded") };
    }
    const message = {
      body: super.stageBuffer(bytes),
      systemFlags: target.systemFlags,
      keywords: target.keywords,
    };
    const { uids, uidValidity } = await this.append(target.mailbox, [message], { userId: "", sessionId: 0 });
    if (key !== undefined) this.#keys.add(key);
    const [uid] = uids;
    if (uid === undefined) throw new Error("no message was added");
    return { status: "delivered", uid, uidValidity };
  }

  #root(root: MailboxName): QuotaRoot | undefined {
    const limit = this.#limits.get(root);
    if (limit === undefined) return undefined;
    const counted = this.mailboxes.list(root);
    return {
      root,
      modseq: toModseq(1),
      storageLimitBytes: limit,
      messageLimit: undefined,
      annotationStorageLimitBytes: undefined,
      mailboxLimit: undefined,
      storageUsedBytes: counted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      messagesUsed: counted.reduce((sum, { exists }) => sum + exists, 0),
      annotationStorageUsedBytes: 0,
      mailboxesUsed: counted.length,
    };
  }

  override asStore(): Store {
    return this as unknown as Store;
  }
}

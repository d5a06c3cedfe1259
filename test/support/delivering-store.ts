import type { DeliveryResult, DeliveryTarget, StagedBody, Store } from "../../src/store/port.ts";
import { StoreError } from "../../src/store/errors.ts";
import { MemoryStore } from "./memory-store.ts";

/** The store in memory with what delivery needs: duplicates, and refusal above the quota. */
export class DeliveringStore extends MemoryStore {
  readonly #bytes = new WeakMap<StagedBody, Buffer>();
  readonly #keys = new Set<string>();
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
    const full =
      root !== undefined && root.storageUsedBytes + bytes.length > (root.storageLimitBytes ?? Infinity);
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

  override asStore(): Store {
    return this as unknown as Store;
  }
}

/**
 * What operations of a batch work on: mailboxes, bodies, quota usage and the feed, all in memory until the batch is
 * flushed into its transaction. Operations check everything they may refuse before they change anything.
 */
import type { Disk } from "../../base/io/disk.ts";
import { encodeSummary } from "../../mime/summary-codec.ts";
import { summarize } from "../../mime/summarize.ts";
import { StoreError } from "../errors.ts";
import type { MailboxId, MailboxName, UserId } from "../model.ts";
import { isDeletedName, parentOf, sortKey, userOf } from "../names.ts";
import { type BodySource, GUID_BYTES } from "../operations.ts";
import type { FeedEntry, FeedKind } from "../port.ts";
import { rowKey } from "../schema.ts";
import type { BodyStore, StoredBody } from "./body-store.ts";
import { MailboxState } from "./mailbox-state.ts";
import { QuotaState } from "./quota-state.ts";
import type { WriteIndex } from "./write-index.ts";

/** Chunks that states may keep in memory between batches; above it the longest unused states are dropped. */
const MAX_CACHED_CHUNKS = 20_000;

export class Batch {
  readonly index: WriteIndex;
  readonly bodies: BodyStore;
  quotas: QuotaState;
  readonly #disk: Disk;
  /** Most recently used last. */
  readonly #states = new Map<MailboxId, MailboxState>();
  readonly #feed = new Map<string, Omit<FeedEntry, "sequence" | "atMs">>();
  readonly seenChanged = new Set<string>();
  /** The feed is emptied by this batch. */
  isFeedReset = false;
  readonly #afterFlush: (() => void)[] = [];
  nowSeconds = 0;
  /** Counts changes, so that a refusal in the middle of an operation is noticed. */
  changes = 0;

  constructor(index: WriteIndex, bodies: BodyStore, disk: Disk) {
    this.index = index;
    this.bodies = bodies;
    this.quotas = new QuotaState(index);
    this.#disk = disk;
  }

  /** Starts a batch: nothing is changed yet. */
  begin(nowSeconds: number): void {
    this.nowSeconds = nowSeconds;
    this.#feed.clear();
    this.seenChanged.clear();
    this.changes = 0;
    this.isFeedReset = false;
    this.#afterFlush.length = 0;
  }

  /** Forgets all that is in memory: after a rollback. */
  reset(): void {
    this.#states.clear();
    this.quotas = new QuotaState(this.index);
  }

  /** @throws StoreError mailbox_not_found */
  mailbox(id: MailboxId): MailboxState {
    let state = this.#states.get(id);
    if (state === undefined) {
      const row = this.index.mailbox(id);
      if (row === undefined) throw new StoreError("mailbox_not_found", `mailbox ${id} does not exist`);
      state = new MailboxState(this.index, row.statics, row.numbers);
    } else {
      this.#states.delete(id);
    }
    if (state.isDeleted) throw new StoreError("mailbox_not_found", `mailbox ${id} does not exist`);
    this.#states.set(id, state);
    return state;
  }

  /** A mailbox that messages may be put into or changed in. @throws StoreError */
  writable(id: MailboxId): MailboxState {
    const state = this.mailbox(id);
    if (state.statics.intermediate) {
      throw new StoreError("mailbox_operation_invalid", `${state.statics.name} holds no messages`);
    }
    if (state.numbers.quarantined !== 0) {
      throw new StoreError("mailbox_quarantined", `${state.statics.name} waits for "rookery check --repair"`);
    }
    return state;
  }

  /**
   * One that new messages may go into: whoever looked it up before it was deleted must not put them where nobody looks.
   * @throws StoreError
   */
  receiving(id: MailboxId): MailboxState {
    const state = this.writable(id);
    if (!isDeletedName(state.statics.name)) return state;
    throw new StoreError("mailbox_not_found", `${state.statics.name} is deleted`);
  }

  byName(name: MailboxName): MailboxState | undefined {
    const id = this.index.idOfName(name);
    return id === undefined ? undefined : this.mailbox(id);
  }

  /** A mailbox that was just inserted. */
  adopt(id: MailboxId): MailboxState {
    const state = this.mailbox(id);
    state.isDirty = true;
    state.staticsChanged = true;
    state.nameOrAclChanged = true;
    return state;
  }

  dirtyStates(): MailboxState[] {
    return [...this.#states.values()].filter((state) => state.isDirty || state.isDeleted);
  }

  /** After the commit: deleted mailboxes go, and so do those that were not used for long. */
  trim(): void {
    let chunks = 0;
    for (const [id, state] of this.#states) {
      if (state.isDeleted) this.#states.delete(id);
      else chunks += state.loadedChunks;
    }
    for (const [id, state] of this.#states) {
      if (chunks <= MAX_CACHED_CHUNKS) return;
      chunks -= state.loadedChunks;
      this.#states.delete(id);
    }
  }

  /** Remembers that `kind` happened; the same kind in the same mailbox is one entry a batch. */
  feed(kind: FeedKind, state: MailboxState): void {
    const { id, uniqueId, name } = state.statics;
    this.changes++;
    this.#feed.set(`${kind} ${id}`, {
      kind,
      mailbox: id,
      uniqueId,
      name,
      user: userOf(name),
      modseq: state.numbers.highestModseq as FeedEntry["modseq"],
    });
  }

  feedOfUser(kind: FeedKind, user: UserId, name: MailboxName, uniqueId = ""): void {
    this.changes++;
    this.#feed.set(`${kind} ${user} ${name} ${uniqueId}`, {
      kind,
      mailbox: 0,
      uniqueId,
      name,
      user,
      modseq: 0 as FeedEntry["modseq"],
    });
  }

  /** For statements that must see everything of this batch in the tables. */
  afterFlush(run: () => void): void {
    this.#afterFlush.push(run);
  }
  finishFlush(): void {
    for (const run of this.#afterFlush.splice(0)) run();
  }

  takeFeed(): Omit<FeedEntry, "sequence" | "atMs">[] {
    const entries = [...this.#feed.values()];
    this.#feed.clear();
    return entries;
  }

  /** Name of the quota root that counts `name`: its own or the nearest above. */
  quotaRootOf(name: MailboxName): MailboxName | undefined {
    for (let at: MailboxName | undefined = name; at !== undefined; at = parentOf(at)) {
      if (this.quotas.has(at)) return at;
    }
    return undefined;
  }

  /** Bytes that a body source will take. @throws StoreError message_not_found */
  sizeOf(source: BodySource): number {
    if (source.kind === "bytes") return source.bytes.length;
    if (source.kind === "file") return source.sizeBytes;
    const row = this.index.bodiesByGuid(source.partition, Buffer.from(source.guid, "hex"))[0];
    if (row === undefined)
      throw new StoreError("message_not_found", `body ${source.guid} is not on ${source.partition}`);
    return row.length;
  }

  /** Puts a body on `partition`, one copy for each GUID; its summary is kept under the key of its first record. */
  store(
    source: BodySource,
    prefix: Uint8Array | undefined,
    partition: string,
    id: MailboxId,
    uid: number,
  ): StoredBody {
    this.changes++;
    if (source.kind === "guid") return this.#link(source, partition, id, uid);
    const bytes = source.kind === "bytes" ? source.bytes : this.#readStaged(source.path, source.sizeBytes);
    if (prefix !== undefined && prefix.length > 0) {
      return this.add(Buffer.concat([prefix, bytes]), partition, id, uid);
    }
    return this.add(bytes, partition, id, uid, source.kind === "bytes" ? source.known : undefined);
  }

  /** `known` = its GUID and its summary, where they are made already. */
  add(bytes: Uint8Array, partition: string, id: MailboxId, uid: number, known?: Uint8Array): StoredBody {
    const key = rowKey(id, uid);
    const guid = known === undefined ? undefined : Buffer.from(known.subarray(0, GUID_BYTES));
    const { body, isNew } = this.bodies.add(partition, [bytes], key, guid);
    if (isNew && known !== undefined) {
      const summary = known.subarray(GUID_BYTES);
      this.index.insertSummary(key, Buffer.from(summary.buffer, summary.byteOffset, summary.length));
    } else if (isNew) {
      const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      this.index.insertSummary(key, encodeSummary(summarize(whole)));
    }
    return body;
  }

  /** One more reference to a body, on another partition if need be. */
  linkById(bodyId: number, partition: string, id: MailboxId, uid: number): number {
    const row = this.index.body(bodyId);
    if (row === undefined) throw new StoreError("message_not_found", `body ${bodyId} is gone`);
    if (row.partition === partition) {
      this.bodies.addRefs(bodyId, 1);
      return bodyId;
    }
    return this.add(this.bodies.readBytes(row), partition, id, uid).id;
  }

  #link(
    source: { guid: string; partition: string },
    partition: string,
    id: MailboxId,
    uid: number,
  ): StoredBody {
    const guid = Buffer.from(source.guid, "hex");
    const here = this.bodies.link(partition, guid);
    if (here !== undefined) return here;
    const row = this.index.bodiesByGuid(source.partition, guid)[0];
    if (row === undefined)
      throw new StoreError("message_not_found", `body ${source.guid} is not on ${source.partition}`);
    return this.add(this.bodies.readBytes(row), partition, id, uid);
  }

  #readStaged(path: string, sizeBytes: number): Buffer {
    const file = this.#disk.open(path, "read");
    try {
      const bytes = Buffer.allocUnsafeSlow(sizeBytes);
      if (file.read(bytes, 0) !== sizeBytes)
        throw new StoreError("disk_failed", `staged message ${path} is cut off`);
      return bytes;
    } finally {
      file.close();
    }
  }

  /** Sort key range of a mailbox and everything below it. */
  idsBelow(name: MailboxName): MailboxId[] {
    const key = sortKey(name);
    return this.index
      .sql("SELECT id FROM mailboxes WHERE key > ? AND key < ? ORDER BY key")
      .pluck()
      .all(`${key}\x1f`, `${key}\x20`) as MailboxId[];
  }
}

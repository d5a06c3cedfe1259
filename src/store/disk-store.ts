/**
 * The store as protocol rooms see it (`port.ts`): this thread reads, the committer writes. Every write is checked
 * against ownership, goes through the queue, and resolves when it is on disk and readers show it.
 */
import type { Modseq, Uid } from "../base/numbers.ts";
import type { Clock } from "../base/io/clock.ts";
import type { Disk } from "../base/io/disk.ts";
import type { Log } from "../base/log.ts";
import type { MessageSummary } from "../mime/summary.ts";
import { initialAcl } from "./acl.ts";
import { copyValues, type StoredAnnotations } from "./annotations.ts";
import type { BodyReader } from "./body-reader.ts";
import type { Catalog } from "./catalog.ts";
import type { Changes } from "./changes.ts";
import type { CommitQueue } from "./commit-queue.ts";
import { guidPrefix } from "./committer/write-index.ts";
import { StoreError } from "./errors.ts";
import type { StoredFeed } from "./feed.ts";
import type {
  Acl,
  Guid,
  Mailbox,
  MailboxId,
  MailboxName,
  MailboxOption,
  MessageRecord,
  SpecialUse,
  UserId,
} from "./model.ts";
import { fromDeletedName, inboxOf, isDeletedName, parentOf, userOf } from "./names.ts";
import type { AppendedUids, ExpiryDays, OperationMap } from "./operations.ts";
import type {
  Actor,
  AnnotationChange,
  AppendResult,
  Authority,
  BodyWriter,
  CopyResult,
  CreateMailbox,
  DeliveryResult,
  DeliveryTarget,
  ExpungeResult,
  FeedEntry,
  FlagChange,
  MailboxDelta,
  MailboxView,
  NameChange,
  NewMessage,
  OwnershipGuard,
  ReadRecords,
  ReplicatedChange,
  StagedBody,
  Store,
  StoreFlagsResult,
  Unsubscribe,
} from "./port.ts";
import type { StoredQuotas } from "./quotas.ts";
import type { ReadIndex, Snapshots } from "./read-index.ts";
import type { RecordReader } from "./record-reader.ts";
import type { StoredSeenStates } from "./seen-states.ts";
import { Maintenance } from "./maintenance/maintenance.ts";
import { HeldBodies, MemoryBody, type Staging } from "./staging.ts";
import type { StoredSubscriptions } from "./subscriptions.ts";
import type { Views } from "./views.ts";
import {
  allowedFlags,
  toActor,
  toAppendItem,
  toAppendResult,
  toApplyArgs,
  toDeliveryResult,
  toTargetItem,
  toUids,
} from "./writes.ts";

const DEFAULT_PARTITION = "default";

export interface StoreParts {
  readonly queue: CommitQueue;
  readonly index: ReadIndex;
  readonly snapshots: Snapshots;
  readonly catalog: Catalog;
  readonly views: Views;
  readonly feed: StoredFeed;
  readonly quotas: StoredQuotas;
  readonly annotations: StoredAnnotations;
  readonly seen: StoredSeenStates;
  readonly subscriptions: StoredSubscriptions;
  readonly changes: Changes;
  readonly staging: Staging;
  readonly records: RecordReader;
  readonly bodies: BodyReader;
  readonly authority: Authority;
  readonly guard: OwnershipGuard;
  readonly expiryDays: ExpiryDays;
  readonly log: Log | undefined;
  readonly folder: string;
  readonly disk: Disk;
  readonly clock: Clock;
}

export class DiskStore implements Store {
  readonly #parts: StoreParts;
  readonly mailboxes: Catalog;
  readonly feed: StoredFeed;
  readonly quotas: StoredQuotas;
  readonly annotations: StoredAnnotations;
  readonly seen: StoredSeenStates;
  readonly subscriptions: StoredSubscriptions;
  readonly maintenance: Maintenance;
  #closing: Promise<void> | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.mailboxes = parts.catalog;
    this.feed = parts.feed;
    this.quotas = parts.quotas;
    this.annotations = parts.annotations;
    this.seen = parts.seen;
    this.subscriptions = parts.subscriptions;
    this.maintenance = new Maintenance(parts, this);
  }

  // Who may write.

  #check(name: MailboxName): void {
    this.#parts.guard.check(userOf(name));
  }

  /** The mailbox, after asking whether its owner may be written for here. @throws StoreError */
  #writable(id: MailboxId): Mailbox {
    const mailbox = this.#parts.catalog.getById(id);
    this.#check(mailbox.name);
    return mailbox;
  }

  /** Asks the authority, commits, and tells the authority how it went. */
  async #reserved<T>(change: NameChange, commit: () => Promise<T>): Promise<T> {
    const reservation = await this.#parts.authority.reserve(change);
    let result: T;
    try {
      result = await commit();
    } catch (error) {
      await reservation.release();
      throw error;
    }
    try {
      await reservation.activate();
    } catch (error) {
      // What is on disk stands; the authority compares the list when it is back.
      this.#parts.log?.warn("name change not activated", {
        kind: change.kind,
        name: change.name,
        err: error,
      });
    }
    return result;
  }

  // Messages.

  async open(id: MailboxId): Promise<MailboxView> {
    return this.#parts.views.open(id);
  }

  stage(expectedBytes?: number): BodyWriter {
    return this.#parts.staging.stage(expectedBytes);
  }

  stageBuffer(bytes: Buffer): StagedBody {
    return new MemoryBody(bytes);
  }

  #checkSize(body: NewMessage["body"]): void {
    const { maxMessageBytes } = this.#parts.staging;
    if ("sizeBytes" in body && body.sizeBytes > maxMessageBytes) {
      throw new StoreError("message_too_big", `message has more than ${maxMessageBytes} bytes`);
    }
  }

  async append(target: MailboxId, messages: readonly NewMessage[], by: Actor): Promise<AppendResult> {
    this.#writable(target);
    for (const { body } of messages) this.#checkSize(body);
    const bodies = new HeldBodies();
    try {
      const items = messages.map((message) => toAppendItem(message, bodies));
      const args = { mailbox: target, messages: items, by: toActor(by) };
      return toAppendResult(await this.#parts.queue.run("append", args, bodies.sources));
    } finally {
      bodies.letGo();
    }
  }

  async deliver(body: StagedBody, targets: readonly DeliveryTarget[]): Promise<readonly DeliveryResult[]> {
    const results: (DeliveryResult | undefined)[] = targets.map((target) => this.#refusal(body, target));
    const allowed = targets.filter((_, i) => results[i] === undefined);
    const bodies = new HeldBodies();
    try {
      bodies.add(body);
      const items = allowed.map(toTargetItem);
      const delivered =
        items.length === 0 ? [] : await this.#parts.queue.run("deliver", { targets: items }, bodies.sources);
      let next = 0;
      return results.map((result) => result ?? toDeliveryResult(delivered[next++]!));
    } catch (error) {
      // The batch failed: those who were not refused before share its fate.
      if (!(error instanceof StoreError)) throw error;
      return results.map((result) => result ?? { status: "refused", error });
    } finally {
      bodies.letGo();
    }
  }

  #refusal(body: StagedBody, target: DeliveryTarget): DeliveryResult | undefined {
    try {
      this.#checkSize(body);
      this.#writable(target.mailbox);
      return undefined;
    } catch (error) {
      if (error instanceof StoreError) return { status: "refused", error };
      throw error;
    }
  }

  async storeFlags(
    id: MailboxId,
    uids: readonly Uid[],
    change: FlagChange,
    by: Actor,
  ): Promise<StoreFlagsResult> {
    this.#writable(id);
    const { modseq, changed, modified } = await this.#parts.queue.run("storeFlags", {
      mailbox: id,
      uids: Uint32Array.from(uids),
      mode: change.mode,
      systemFlags: change.systemFlags,
      keywords: change.keywords,
      unchangedSince: change.unchangedSince,
      allowedSystemFlags: allowedFlags(change.allowedSystemFlags),
      keywordsAllowed: change.keywordsAllowed ?? true,
      by: toActor(by),
    });
    return { modseq: modseq as Modseq, changed: toUids(changed), modified: toUids(modified) };
  }

  async expunge(
    id: MailboxId,
    uids: readonly Uid[] | "all",
    options: { onlyDeleted: boolean },
    by: Actor,
  ): Promise<ExpungeResult> {
    this.#writable(id);
    const expunged = await this.#parts.queue.run("expunge", {
      mailbox: id,
      uids: uids === "all" ? undefined : Uint32Array.from(uids),
      onlyDeleted: options.onlyDeleted,
      by: toActor(by),
    });
    return { uids: toUids(expunged.uids), modseq: expunged.modseq as Modseq };
  }

  async unexpunge(id: MailboxId, uids: readonly Uid[], by: Actor): Promise<AppendResult> {
    this.#writable(id);
    const args = { mailbox: id, uids: Uint32Array.from(uids), by: toActor(by) };
    return toAppendResult(await this.#parts.queue.run("unexpunge", args));
  }

  async copy(
    source: MailboxId,
    uids: readonly Uid[],
    target: MailboxId,
    options: { move: boolean },
    by: Actor,
  ): Promise<CopyResult> {
    if (options.move) this.#writable(source);
    this.#writable(target);
    const copied = await this.#parts.queue.run("copy", {
      source,
      uids: Uint32Array.from(uids),
      target,
      move: options.move,
      by: toActor(by),
    });
    return {
      uidValidity: copied.uidValidity,
      sourceUids: toUids(copied.sourceUids),
      targetUids: toUids(copied.targetUids),
      modseq: copied.modseq as Modseq,
    };
  }

  async replace(
    source: MailboxId,
    uid: Uid,
    target: MailboxId,
    message: NewMessage,
    by: Actor,
  ): Promise<AppendResult> {
    this.#writable(source);
    this.#writable(target);
    this.#checkSize(message.body);
    const bodies = new HeldBodies();
    try {
      const item = toAppendItem(message, bodies);
      const args = { source, uid, target, message: item, by: toActor(by) };
      const replaced: AppendedUids = await this.#parts.queue.run("replace", args, bodies.sources);
      return toAppendResult(replaced);
    } finally {
      bodies.letGo();
    }
  }

  async annotateMessages(
    id: MailboxId,
    uids: readonly Uid[],
    changes: readonly AnnotationChange[],
    by: Actor,
  ): Promise<{ modseq: Modseq }> {
    this.#writable(id);
    const { modseq } = await this.#parts.queue.run("annotate", {
      mailbox: id,
      uids: Uint32Array.from(uids),
      changes: copyValues(changes),
      by: toActor(by),
    });
    return { modseq: modseq as Modseq };
  }

  // Mailboxes.

  /** What a mailbox made now would have: its own wish, else its parent's. */
  #placeOf(name: MailboxName, options: CreateMailbox): { partition: string; acl: Acl } {
    let parent: Mailbox | undefined;
    for (let at = parentOf(name); at !== undefined && parent === undefined; at = parentOf(at)) {
      parent = this.#parts.catalog.find(at);
    }
    return {
      partition: options.partition ?? parent?.partition ?? DEFAULT_PARTITION,
      acl: options.acl ?? initialAcl(name, parent?.acl),
    };
  }

  async create(name: MailboxName, options: CreateMailbox): Promise<Mailbox> {
    this.#check(name);
    const { id } = await this.#reserved({ kind: "create", name, ...this.#placeOf(name, options) }, () =>
      this.#parts.queue.run("create", {
        name,
        type: options.type ?? "mail",
        partition: options.partition,
        acl: options.acl,
        specialUse: options.specialUse ?? [],
        uniqueId: options.uniqueId,
        uidValidity: options.uidValidity,
        intermediate: options.intermediate ?? false,
      }),
    );
    return this.#parts.catalog.getById(id);
  }

  async delete(id: MailboxId, options: { immediate?: boolean } = {}): Promise<void> {
    const { name } = this.#writable(id);
    const args = { mailbox: id, immediate: options.immediate === true };
    await this.#reserved({ kind: "delete", name }, () => this.#parts.queue.run("delete", args));
  }

  async rename(
    id: MailboxId,
    newName: MailboxName,
    options: { withChildren: boolean; partition?: string },
  ): Promise<void> {
    const { name, acl, partition } = this.#writable(id);
    this.#check(newName);
    const change = { kind: "rename", name, newName, acl, partition: options.partition ?? partition } as const;
    const args = { mailbox: id, newName, withChildren: options.withChildren, partition: options.partition };
    await this.#reserved(change, () => this.#parts.queue.run("rename", args));
  }

  async undelete(id: MailboxId, newName?: MailboxName): Promise<Mailbox> {
    const { name } = this.#writable(id);
    const target = newName ?? fromDeletedName(name)?.name;
    if (!isDeletedName(name) || target === undefined) {
      throw new StoreError("mailbox_operation_invalid", `mailbox ${JSON.stringify(name)} is not deleted`);
    }
    await this.rename(id, target, { withChildren: false });
    return this.#parts.catalog.getById(id);
  }

  async #setHeader(args: OperationMap["setHeader"]["args"]): Promise<void> {
    this.#writable(args.mailbox);
    await this.#parts.queue.run("setHeader", args);
  }

  async setAcl(id: MailboxId, acl: Acl): Promise<void> {
    const { name, partition } = this.#writable(id);
    const args = { mailbox: id, acl };
    await this.#reserved({ kind: "acl", name, partition, acl }, () =>
      this.#parts.queue.run("setHeader", args),
    );
  }

  setSpecialUse(id: MailboxId, specialUse: readonly SpecialUse[]): Promise<void> {
    return this.#setHeader({ mailbox: id, specialUse });
  }

  setOptions(id: MailboxId, options: readonly MailboxOption[]): Promise<void> {
    return this.#setHeader({ mailbox: id, options });
  }

  setRecent(id: MailboxId, recentUid: number, recentTime: number): Promise<void> {
    return this.#setHeader({ mailbox: id, numbers: { recentUid, recentTime } });
  }

  setPop3(id: MailboxId, values: { lastLogin?: number; showAfter?: number }): Promise<void> {
    const numbers: Record<string, number> = {};
    if (values.lastLogin !== undefined) numbers["pop3LastLogin"] = values.lastLogin;
    if (values.showAfter !== undefined) numbers["pop3ShowAfter"] = values.showAfter;
    return this.#setHeader({ mailbox: id, numbers });
  }

  async deleteUser(user: UserId): Promise<void> {
    this.#parts.guard.check(user);
    const commit = async () => this.#parts.queue.run("deleteUser", { user });
    await this.#reserved({ kind: "delete", name: inboxOf(user) }, commit);
  }

  async renameUser(user: UserId, newUser: UserId): Promise<void> {
    this.#parts.guard.check(user);
    this.#parts.guard.check(newUser);
    const name = inboxOf(user);
    const commit = async () => this.#parts.queue.run("renameUser", { user, newUser });
    const { partition, acl } = this.#parts.catalog.find(name) ?? this.#placeOf(name, {});
    await this.#reserved({ kind: "rename", name, newName: inboxOf(newUser), partition, acl }, commit);
  }

  async apply(change: ReplicatedChange): Promise<Mailbox> {
    const bodies = new HeldBodies();
    try {
      // No ownership check: this is how a replica, which owns nobody, gets what it has.
      await this.#parts.queue.run("apply", toApplyArgs(change, bodies), bodies.sources);
    } finally {
      bodies.letGo();
    }
    return this.#parts.catalog.getById(change.mailbox);
  }

  async expire(nowSeconds: number): Promise<{ messages: number; mailboxes: number }> {
    const days = this.#parts.expiryDays;
    let messages = 0;
    let mailboxes = 0;
    for (let more = true; more;) {
      const step = await this.#parts.queue.run("expire", { nowSeconds, days });
      messages += step.messages;
      mailboxes += step.mailboxes;
      more = step.more;
    }
    return { messages, mailboxes };
  }

  // Reading.

  findBody(guid: Guid, partition: string): { sizeBytes: number } | undefined {
    const bytes = Buffer.from(guid, "hex");
    const row = this.#parts.index
      .sql("SELECT length FROM bodies WHERE guid_prefix = ? AND guid = ? AND partition = ?")
      .get(guidPrefix(bytes), bytes, partition) as { length: number } | undefined;
    return row === undefined ? undefined : { sizeBytes: row.length };
  }

  readBody(id: MailboxId, uid: Uid, range?: { offset: number; length: number }): Promise<Buffer> {
    return this.#parts.bodies.readBody(id, uid, range);
  }

  readBodies(id: MailboxId, uids: readonly Uid[]): AsyncIterable<{ uid: Uid; bytes: Buffer }> {
    return this.#parts.bodies.readBodies(id, uids);
  }

  readSummaries(id: MailboxId, uids: readonly Uid[]): Iterable<{ uid: Uid; summary: MessageSummary }> {
    return this.#parts.bodies.readSummaries(id, uids);
  }

  readRecords(id: MailboxId, options: ReadRecords = {}): Iterable<readonly MessageRecord[]> {
    return this.#parts.records.read(id, options);
  }

  findRecord(id: MailboxId, uid: Uid): MessageRecord | undefined {
    return this.#parts.records.record(id, uid);
  }

  expungedRecords(id: MailboxId): readonly MessageRecord[] {
    return [...this.#parts.records.read(id, { onlyExpunged: true })].flat();
  }

  onMailboxChange(id: MailboxId, listener: (change: MailboxDelta) => void): Unsubscribe {
    return this.#parts.changes.onMailboxChange(id, listener);
  }

  onAnyChange(listener: (entries: readonly FeedEntry[]) => void): Unsubscribe {
    return this.#parts.changes.onAnyChange(listener);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { queue, bodies, snapshots, index } = this.#parts;
    this.maintenance.stop();
    try {
      await queue.close();
    } finally {
      bodies.close();
      snapshots.close();
      index.close();
    }
  }
}

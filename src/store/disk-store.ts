/**
 * The store as protocol rooms see it (`port.ts`): this thread reads, the committer writes. Every write is checked
 * against ownership, goes through the queue, and resolves when it is on disk and readers show it.
 */
import type { Modseq, Uid } from "../base/numbers.ts";
import type { Clock } from "../base/io/clock.ts";
import type { Disk } from "../base/io/disk.ts";
import type { Log } from "../base/log.ts";
import type { MessageSummary } from "../mime/summary.ts";
import type { StoredAnnotations } from "./annotations.ts";
import type { BodyReader } from "./body-reader.ts";
import type { Catalog } from "./catalog.ts";
import type { Changes } from "./changes.ts";
import type { CommitQueue } from "./commit-queue.ts";
import { guidPrefix } from "./committer/write-index.ts";
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
import type { ExpiryDays, OperationMap } from "./operations.ts";
import type {
  Actor,
  AnnotationChange,
  AppendResult,
  BodyWriter,
  CommitWitness,
  CopyResult,
  CreateMailbox,
  DeliveryResult,
  DeliveryTarget,
  ExpungeResult,
  FeedEntry,
  FlagChange,
  MailboxDelta,
  MailboxView,
  NewMessage,
  NewNumbers,
  PreparedBody,
  ReadRecords,
  RenameMailbox,
  ReplicatedChange,
  StagedBody,
  Store,
  StoreFlagsResult,
  Unsubscribe,
  WriteOptions,
} from "./port.ts";
import { MailboxWrites } from "./mailbox-writes.ts";
import { MessageWrites } from "./message-writes.ts";
import type { StoredQuotas } from "./quotas.ts";
import type { ReadIndex, Snapshots } from "./read-index.ts";
import type { RecordReader } from "./record-reader.ts";
import type { StoredSeenStates } from "./seen-states.ts";
import { userOf } from "./names.ts";
import { Maintenance } from "./maintenance/maintenance.ts";
import { KnownBody } from "./prepared-body.ts";
import { MemoryBody, type Staging } from "./staging.ts";
import type { StoredSubscriptions } from "./subscriptions.ts";
import type { Views } from "./views.ts";
import type { WriteGate } from "./write-gate.ts";

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
  readonly gate: WriteGate;
  readonly expiryDays: ExpiryDays;
  readonly witness: CommitWitness | undefined;
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
  readonly #messages: MessageWrites;
  readonly #names: MailboxWrites;
  #closing: Promise<void> | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.mailboxes = parts.catalog;
    this.feed = parts.feed;
    this.quotas = parts.quotas;
    this.annotations = parts.annotations;
    this.seen = parts.seen;
    this.subscriptions = parts.subscriptions;
    this.#messages = new MessageWrites(parts);
    this.#names = new MailboxWrites(parts);
    this.maintenance = new Maintenance(parts, this);
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

  prepareBuffer(bytes: Buffer): PreparedBody {
    return new KnownBody(bytes);
  }

  append(target: MailboxId, messages: readonly NewMessage[], by: Actor): Promise<AppendResult> {
    return this.#witnessed(this.#messages.append(target, messages, by), [target]);
  }
  deliver(body: StagedBody, targets: readonly DeliveryTarget[]): Promise<readonly DeliveryResult[]> {
    const mailboxes = targets.map(({ mailbox }) => mailbox);
    return this.#witnessed(this.#messages.deliver(body, targets), mailboxes);
  }
  storeFlags(id: MailboxId, uids: readonly Uid[], change: FlagChange, by: Actor): Promise<StoreFlagsResult> {
    return this.#messages.storeFlags(id, uids, change, by);
  }
  expunge(
    id: MailboxId,
    uids: readonly Uid[] | "all",
    options: { onlyDeleted: boolean },
    by: Actor,
  ): Promise<ExpungeResult> {
    return this.#messages.expunge(id, uids, options, by);
  }
  unexpunge(id: MailboxId, uids: readonly Uid[], by: Actor): Promise<AppendResult> {
    return this.#messages.unexpunge(id, uids, by);
  }
  copy(
    source: MailboxId,
    uids: readonly Uid[],
    target: MailboxId,
    options: { move: boolean },
    by: Actor,
  ): Promise<CopyResult> {
    return this.#messages.copy(source, uids, target, options, by);
  }
  replace(
    source: MailboxId,
    uid: Uid,
    target: MailboxId,
    message: NewMessage,
    by: Actor,
  ): Promise<AppendResult> {
    return this.#witnessed(this.#messages.replace(source, uid, target, message, by), [target]);
  }
  annotateMessages(
    id: MailboxId,
    uids: readonly Uid[],
    changes: readonly AnnotationChange[],
    by: Actor,
  ): Promise<{ modseq: Modseq }> {
    return this.#messages.annotate(id, uids, changes, by);
  }
  apply(change: ReplicatedChange): Promise<Mailbox> {
    return this.#messages.apply(change);
  }

  #witnessed<Result>(committed: Promise<Result>, mailboxes: readonly MailboxId[]): Promise<Result> {
    const { witness } = this.#parts;
    if (witness?.isNeeded !== true) return committed;
    return committed.then(async (result) => {
      const names = mailboxes.flatMap((id) => this.mailboxes.byId(id)?.name ?? []);
      await witness.committed([...new Set(names.map(userOf))], this.feed.head);
      return result;
    });
  }

  // Mailboxes.

  create(name: MailboxName, options: CreateMailbox): Promise<Mailbox> {
    return this.#names.create(name, options);
  }
  delete(id: MailboxId, options: WriteOptions & { immediate?: boolean } = {}): Promise<void> {
    return this.#names.delete(id, options);
  }
  rename(id: MailboxId, newName: MailboxName, options: RenameMailbox): Promise<void> {
    return this.#names.rename(id, newName, options);
  }
  renumber(id: MailboxId, numbers: NewNumbers): Promise<Mailbox> {
    return this.#names.renumber(id, numbers);
  }
  undelete(id: MailboxId, newName?: MailboxName): Promise<Mailbox> {
    return this.#names.undelete(id, newName);
  }
  setAcl(id: MailboxId, acl: Acl): Promise<void> {
    return this.#names.setAcl(id, acl);
  }
  setSpecialUse(id: MailboxId, specialUse: readonly SpecialUse[]): Promise<void> {
    return this.#names.setHeader({ mailbox: id, specialUse });
  }
  setOptions(id: MailboxId, options: readonly MailboxOption[]): Promise<void> {
    return this.#names.setHeader({ mailbox: id, options });
  }
  setRecent(id: MailboxId, recentUid: number, recentTime: number): Promise<void> {
    return this.#names.setHeader({ mailbox: id, numbers: { recentUid, recentTime } });
  }
  setPop3(id: MailboxId, values: { lastLogin?: number; showAfter?: number }): Promise<void> {
    const numbers: Record<string, number> = {};
    if (values.lastLogin !== undefined) numbers["pop3LastLogin"] = values.lastLogin;
    if (values.showAfter !== undefined) numbers["pop3ShowAfter"] = values.showAfter;
    return this.#names.setHeader({ mailbox: id, numbers });
  }
  deleteUser(user: UserId, options: WriteOptions = {}): Promise<void> {
    return this.#names.deleteUser(user, options);
  }
  renameUser(user: UserId, newUser: UserId, options: WriteOptions = {}): Promise<void> {
    return this.#names.renameUser(user, newUser, options);
  }

  async expire(nowSeconds: number): Promise<{ messages: number; mailboxes: number }> {
    const days = this.#parts.expiryDays;
    let messages = 0;
    let mailboxes = 0;
    for (let after: MailboxId | undefined = 0; after !== undefined;) {
      const step: OperationMap["expire"]["result"] = await this.#parts.queue.run("expire", {
        nowSeconds,
        days,
        after,
      });
      messages += step.messages;
      mailboxes += step.mailboxes;
      after = step.next;
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

  recordFinder(id: MailboxId): (uid: Uid) => MessageRecord | undefined {
    return this.#parts.records.recordFinder(id);
  }

  async expungedRecords(id: MailboxId): Promise<readonly MessageRecord[]> {
    const found: MessageRecord[] = [];
    for (const records of this.#parts.records.read(id, { onlyExpunged: true })) {
      for (const record of records) found.push(record);
      await new Promise((turn) => setImmediate(turn));
    }
    return found;
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

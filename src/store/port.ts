/**
 * What protocol rooms see of the store. `src/store/disk-store.ts` implements it; the simulation runs the same code inline.
 *
 * Promises:
 * - Every method that returns a Promise and changes something resolves only after the change is on disk
 *   (body bytes synced, then the index transaction). Concurrent calls share both syncs (group commit).
 * - Reading is synchronous where it comes from memory or the read connection, and shows only committed state.
 * - Refusals are StoreError; a StoreError leaves everything as it was.
 * - The store does not know who asks: rights are checked by callers with `store.access` before they act.
 */
import type { Modseq, Uid } from "../base/numbers.ts";
import type { MessageSummary } from "../mime/summary.ts";
import type {
  Acl,
  Guid,
  Mailbox,
  MailboxAnnotation,
  MailboxId,
  MailboxName,
  MailboxOption,
  MailboxTombstone,
  MailboxType,
  MessageAnnotation,
  MessageRecord,
  QuotaRoot,
  SeenState,
  SpecialUse,
  UserId,
} from "./model.ts";

export interface Store {
  readonly mailboxes: MailboxCatalog;
  readonly feed: Feed;
  readonly quotas: Quotas;
  readonly annotations: Annotations;
  readonly seen: SeenStates;
  readonly subscriptions: Subscriptions;

  /** The packed view of a mailbox, loaded when cold, shared by all who hold it. Call `release()` when done. */
  open(id: MailboxId): Promise<MailboxView>;

  /** Collects a message body before it is appended; large ones go to a file, so memory is bounded. */
  stage(expectedBytes?: number): BodyWriter;
  /** The short way for bytes that are in memory already (copied nowhere; do not change them afterwards). */
  stageBuffer(bytes: Buffer): StagedBody;
  /**
   * Digested and parsed here and now, so that the committer need not: for who brings many messages. The bytes become the
   * store's own: `release` frees them.
   */
  prepareBuffer(bytes: Buffer): PreparedBody;

  /**
   * Appends all messages or none (RFC 3502), in order, in one commit.
   * @throws StoreError over_quota, mailbox_not_found, keyword_limit, message_too_big, read_only, disk_full …
   */
  append(target: MailboxId, messages: readonly NewMessage[], by: Actor): Promise<AppendResult>;
  /** One body into several mailboxes (LMTP), each target on its own: one refused target does not stop the others. */
  deliver(body: StagedBody, targets: readonly DeliveryTarget[]): Promise<readonly DeliveryResult[]>;

  /** RFC 9051 §6.4.6 with RFC 7162 UNCHANGEDSINCE. Unknown UIDs are ignored. */
  storeFlags(id: MailboxId, uids: readonly Uid[], change: FlagChange, by: Actor): Promise<StoreFlagsResult>;
  /** Expunges the given UIDs that are there; `onlyDeleted` restricts to those with \Deleted (RFC 9051 §6.4.9, UID EXPUNGE). */
  expunge(
    id: MailboxId,
    uids: readonly Uid[] | "all",
    options: { onlyDeleted: boolean },
    by: Actor,
  ): Promise<ExpungeResult>;
  /** Brings expunged messages back under new UIDs, while their tombstones last. */
  unexpunge(id: MailboxId, uids: readonly Uid[], by: Actor): Promise<AppendResult>;
  /** COPY or MOVE (RFC 6851): all or nothing; inside a partition it touches only the index. */
  copy(
    source: MailboxId,
    uids: readonly Uid[],
    target: MailboxId,
    options: { move: boolean },
    by: Actor,
  ): Promise<CopyResult>;
  /** REPLACE (RFC 8508): append and expunge in one commit. */
  replace(
    source: MailboxId,
    uid: Uid,
    target: MailboxId,
    message: NewMessage,
    by: Actor,
  ): Promise<AppendResult>;

  create(name: MailboxName, options: CreateMailbox): Promise<Mailbox>;
  /** Delayed delete renames to DELETED.…; `immediate` removes at once. Children stay. */
  delete(id: MailboxId, options?: WriteOptions & { immediate?: boolean }): Promise<void>;
  /** Renames one mailbox and, with `withChildren`, everything below it, in one commit. */
  rename(id: MailboxId, newName: MailboxName, options: RenameMailbox): Promise<void>;
  /** Brings a mailbox of the DELETED hierarchy back, under the name it had or a new one. */
  undelete(id: MailboxId, newName?: MailboxName): Promise<Mailbox>;
  /**
   * A fresh mailbox with other numbers takes this one's place under its name, in one commit, with its messages and all
   * that hangs on it; the former is deleted (delayed). Answers the fresh one.
   */
  renumber(id: MailboxId, numbers: NewNumbers): Promise<Mailbox>;
  setAcl(id: MailboxId, acl: Acl): Promise<void>;
  setSpecialUse(id: MailboxId, specialUse: readonly SpecialUse[]): Promise<void>;
  setOptions(id: MailboxId, options: readonly MailboxOption[]): Promise<void>;
  /** Header values that sessions keep: \Recent, POP3. */
  setRecent(id: MailboxId, recentUid: number, recentTime: number): Promise<void>;
  setPop3(id: MailboxId, values: { lastLogin?: number; showAfter?: number }): Promise<void>;
  deleteUser(user: UserId, options?: WriteOptions): Promise<void>;
  renameUser(user: UserId, newUser: UserId, options?: WriteOptions): Promise<void>;
  /** Message annotations (RFC 5257): set or remove (value undefined). */
  annotateMessages(
    id: MailboxId,
    uids: readonly Uid[],
    changes: readonly AnnotationChange[],
    by: Actor,
  ): Promise<{ modseq: Modseq }>;

  /** Replication's write: header values and records exactly as given, no modseq of its own, one commit. */
  apply(change: ReplicatedChange): Promise<Mailbox>;
  /** Takes tombstones, deleted mailboxes and duplicate keys out that have outlived their days. */
  expire(nowSeconds: number): Promise<{ messages: number; mailboxes: number }>;
  /** Guid known on this partition? (RESERVE). Answers with one place to link it from. */
  findBody(guid: Guid, partition: string): { sizeBytes: number } | undefined;

  /**
   * Bytes of a message body, `offset`/`length` clipped to its end. Comes from disk without blocking the caller.
   * @throws StoreError message_not_found when expunged and swept.
   */
  readBody(id: MailboxId, uid: Uid, range?: { offset: number; length: number }): Promise<Buffer>;
  /** The same for many messages, neighbours on disk read together; yields in the order of `uids`, skips vanished ones. Bounded read-ahead. */
  readBodies(id: MailboxId, uids: readonly Uid[]): AsyncIterable<{ uid: Uid; bytes: Buffer }>;
  /** ENVELOPE, BODYSTRUCTURE, part offsets … as parsed at delivery. In order of `uids`, skips unknown ones. */
  readSummaries(id: MailboxId, uids: readonly Uid[]): Iterable<{ uid: Uid; summary: MessageSummary }>;

  /** Records from disk in groups, ascending by UID, without a view: for replication. */
  readRecords(id: MailboxId, options?: ReadRecords): Iterable<readonly MessageRecord[]>;
  /** One record from disk, live or expunged. */
  findRecord(id: MailboxId, uid: Uid): MessageRecord | undefined;
  /** The same for many, cheap for neighbours. It remembers what it has read: make a new one after a write. */
  recordFinder(id: MailboxId): (uid: Uid) => MessageRecord | undefined;
  /** Tombstones that `unexpunge` can bring back. */
  expungedRecords(id: MailboxId): Promise<readonly MessageRecord[]>;

  /** In-memory wake-up after a commit that touched the mailbox; a hint, never the record of what changed. */
  onMailboxChange(id: MailboxId, listener: (change: MailboxDelta) => void): Unsubscribe;
  /** Changes of the mailbox list and headers below a prefix ("" = all): NOTIFY, ActiveSync folder tree. */
  onAnyChange(listener: (entries: readonly FeedEntry[]) => void): Unsubscribe;

  close(): Promise<void>;
}

export type Unsubscribe = () => void;

/** Who makes a change: decides whose \Seen and private annotations are meant, and stands in the log. */
export interface Actor {
  readonly userId: UserId;
  /** Session that caused it, so that it can tell its own changes from others'; 0 = none. */
  readonly sessionId: number;
}

export interface MailboxCatalog {
  find(name: MailboxName): Mailbox | undefined;
  /** @throws StoreError mailbox_not_found (also for intermediates unless asked for) */
  get(name: MailboxName): Mailbox;
  byId(id: MailboxId): Mailbox | undefined;
  byUniqueId(uniqueId: string): Mailbox | undefined;
  /** All whose name is `prefix` or starts with `prefix`, in Cyrus order (separator sorts lowest); lazily. */
  list(prefix: MailboxName): Iterable<Mailbox>;
  /** Those whose ACL names one of the identifiers (`bob`, `group:staff`, `anyone`), in Cyrus order, without DELETED; lazily. */
  sharedWith(identifiers: readonly string[]): Iterable<Mailbox>;
  /** Every mailbox of a user: INBOX and below, without DELETED. */
  ofUser(user: UserId): Iterable<Mailbox>;
  tombstones(prefix: MailboxName): Iterable<MailboxTombstone>;
  hasChildren(name: MailboxName): boolean;
}

/**
 * A mailbox's live records in packed columns, ascending by UID. Index i of every column is the same message.
 * The arrays are the store's own: read, never write. A commit may replace them, so hold the view, not the arrays.
 */
export interface MailboxView {
  readonly mailbox: Mailbox;
  readonly count: number;
  readonly uids: Uint32Array;
  /** The UIDs as they are now, for keeping: the first `count` of them never change, whatever is expunged later. */
  shareUids(): Uint32Array;
  /** Modseqs are below 2^53. */
  readonly modseqs: Float64Array;
  /** OR of SystemFlag. */
  readonly systemFlags: Uint8Array;
  /** Four words of 32 keyword bits a message: word w of message i at [4 * i + w]. */
  readonly keywordBits: Uint32Array;
  readonly internalDates: Float64Array;
  readonly saveDates: Float64Array;
  readonly sizes: Float64Array;
  readonly createdModseqs: Float64Array;
  readonly lastUpdated: Float64Array;
  /** Index of a UID, or -1. */
  indexOf(uid: number): number;
  /** Index of the first message with a UID >= `uid` (count when none). */
  lowerBound(uid: number): number;
  guid(index: number): Guid;
  threadId(index: number): string;
  record(index: number): MessageRecord;
  /** Live messages with a modseq above `modseq`, ascending UIDs. Cost is that of the recent changes where they are remembered. */
  changedSince(modseq: Modseq): readonly Uid[];
  /** UIDs expunged with a modseq above `modseq`; "unknown" below the tombstone floor. */
  vanishedSince(modseq: Modseq): readonly Uid[] | "unknown";
  /** \Seen as `user` sees it: the record flag for the owner or with shared \Seen, his own seen state otherwise. */
  isSeenBy(user: UserId, index: number): boolean;
  release(): void;
}

/** What one commit did to a mailbox. */
export interface MailboxDelta {
  readonly mailbox: Mailbox;
  readonly appended: readonly Uid[];
  /** Flags, keywords, annotations or dates changed. */
  readonly changed: readonly Uid[];
  readonly expunged: readonly Uid[];
  readonly bySession: number;
  /** Renamed, deleted or ACL changed. */
  readonly nameOrAclChanged: boolean;
  readonly deleted: boolean;
}

export interface ReadRecords {
  /** Only records with a higher modseq. */
  readonly sinceModseq?: number;
  readonly includeExpunged?: boolean;
}

export interface BodyWriter {
  /** @throws StoreError message_too_big, disk_full */
  write(chunk: Buffer): Promise<void>;
  finish(): Promise<StagedBody>;
  discard(): void;
}

/** A body ready to be appended (any number of times) and then released. */
export interface StagedBody {
  readonly sizeBytes: number;
  /** A piece of it, to be built into another message (RFC 4469). Inside 0..sizeBytes. */
  read(offset: number, length: number): Promise<Buffer>;
  release(): void;
}

export interface PreparedBody extends StagedBody {
  /** Its GUID; called otherwise, since a `guid` stands for a body that is in the store already. */
  readonly digest: Guid;
}

export interface NewMessage {
  readonly body: StagedBody | { readonly guid: Guid; readonly partition: string };
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  /** Seconds since 1970; undefined = now. */
  readonly internalDate?: number;
  readonly annotations?: readonly AnnotationChange[];
  readonly threadId?: string;
  readonly saveDate?: number;
}

export interface AnnotationChange {
  readonly entry: string;
  readonly userId: UserId;
  /** undefined = remove. */
  readonly value: Buffer | undefined;
}

export interface AppendResult {
  readonly uidValidity: number;
  /** One for each message, ascending. */
  readonly uids: readonly Uid[];
  readonly modseq: Modseq;
}

export interface DeliveryTarget {
  readonly mailbox: MailboxId;
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  /** Bytes put before the body for this target only (Return-Path, Delivered-To); usually the same for all, then the body is stored once. */
  readonly prefix: Buffer;
  /** Refuse when over quota (normal mail) or let it in (over-quota notices). */
  readonly ignoreQuota?: boolean;
  /** Remembered key → "duplicate" instead of a second copy; undefined = off. Recorded in the same commit. */
  readonly duplicateKey?: string;
  readonly annotations?: readonly AnnotationChange[];
}

export type DeliveryResult =
  | { readonly status: "delivered"; readonly uid: Uid; readonly uidValidity: number }
  | { readonly status: "duplicate" }
  | { readonly status: "refused"; readonly error: Error };

export interface FlagChange {
  readonly mode: "add" | "remove" | "replace";
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  readonly unchangedSince?: Modseq;
  /** Only these system flags may be touched by a "replace" (rights s, w, t); undefined = all. */
  readonly allowedSystemFlags?: number;
  readonly keywordsAllowed?: boolean;
}

export interface StoreFlagsResult {
  /** Modseq given to changed messages; the mailbox's highest when nothing changed. */
  readonly modseq: Modseq;
  readonly changed: readonly Uid[];
  /** Failed UNCHANGEDSINCE (RFC 7162 §3.1.3), ascending. */
  readonly modified: readonly Uid[];
}

export interface ExpungeResult {
  readonly uids: readonly Uid[];
  readonly modseq: Modseq;
}

export interface CopyResult {
  readonly uidValidity: number;
  /** Pairs in ascending order of the source UIDs that existed. */
  readonly sourceUids: readonly Uid[];
  readonly targetUids: readonly Uid[];
  readonly modseq: Modseq;
}

/** How a replica, which owns nobody, writes what its master says: neither the guard nor the authority is asked. */
export interface WriteOptions {
  readonly local?: boolean;
}

export interface RenameMailbox extends WriteOptions {
  readonly withChildren: boolean;
  readonly partition?: string | undefined;
}

export interface NewNumbers {
  readonly uidValidity: number;
  /** Of messages, former UID → new UID; those that are gone meanwhile are passed over. */
  readonly uids: ReadonlyMap<number, number>;
  /** All other messages get UIDs from here on, in their order. */
  readonly nextUid: number;
}

export interface CreateMailbox extends WriteOptions {
  readonly type?: MailboxType;
  readonly partition?: string;
  /** undefined = the parent's ACL, or Cyrus's default for a user's INBOX. */
  readonly acl?: Acl;
  readonly specialUse?: readonly SpecialUse[];
  readonly uniqueId?: string;
  readonly uidValidity?: number;
  readonly intermediate?: boolean;
}

/** Replication's header + records. Keys absent are left as they are. */
export interface ReplicatedChange {
  readonly mailbox: MailboxId;
  /** Refused with `conflict`, and nothing changed, unless this is the mailbox's highest modseq. */
  readonly ifHighestModseq?: Modseq;
  readonly header: Partial<
    Pick<
      Mailbox,
      | "uidValidity"
      | "lastUid"
      | "highestModseq"
      | "createdModseq"
      | "folderModseq"
      | "deletedModseq"
      | "acl"
      | "options"
      | "specialUse"
      | "lastAppendDate"
      | "recentUid"
      | "recentTime"
      | "pop3LastLogin"
      | "pop3ShowAfter"
      | "xconvModseq"
      | "raclModseq"
    >
  >;
  /** Existing UID = update of flags, modseq, lastUpdated, annotations; new UID = append (needs `body`). */
  readonly records: readonly (MessageRecord & { readonly body?: NewMessage["body"] })[];
  /** Mailbox annotations to set exactly as given; undefined = leave. */
  readonly annotations?: readonly Omit<MailboxAnnotation, "mailbox">[];
  /** A live record whose UID is a tombstone here comes back under it (needs `body`); without this tombstones stay. */
  readonly revive?: boolean;
}

export interface Quotas {
  get(root: MailboxName): QuotaRoot | undefined;
  /** The root that counts `name`, by the longest prefix. */
  rootOf(name: MailboxName): QuotaRoot | undefined;
  list(prefix: MailboxName): Iterable<QuotaRoot>;
  set(
    root: MailboxName,
    limits: Partial<
      Pick<QuotaRoot, "storageLimitBytes" | "messageLimit" | "annotationStorageLimitBytes" | "mailboxLimit">
    >,
    options?: WriteOptions,
  ): Promise<void>;
  remove(root: MailboxName, options?: WriteOptions): Promise<void>;
}

export interface Annotations {
  /** Mailbox ("" = server) annotations visible to `userId` (shared and his own). */
  list(mailbox: MailboxName, userId: UserId): Iterable<MailboxAnnotation>;
  /** Those of every user: for replication and backup. */
  all(mailbox: MailboxName): Iterable<MailboxAnnotation>;
  set(mailbox: MailboxName, changes: readonly AnnotationChange[], options?: WriteOptions): Promise<void>;
  ofMessage(id: MailboxId, uid: Uid): readonly MessageAnnotation[];
}

export interface SeenStates {
  ofUser(user: UserId): Iterable<SeenState>;
  /** What users other than `owner` have seen in these mailboxes. */
  ofOthers(owner: UserId, uniqueIds: readonly string[]): Iterable<SeenState>;
  get(user: UserId, uniqueId: string): SeenState | undefined;
  set(state: SeenState, options?: WriteOptions): Promise<void>;
}

export interface Subscriptions {
  list(user: UserId): Iterable<MailboxName>;
  has(user: UserId, name: MailboxName): boolean;
  set(user: UserId, name: MailboxName, subscribed: boolean, options?: WriteOptions): Promise<void>;
}

export type FeedKind =
  | "append"
  /** Beside "append": a message has come below the mailbox's last UID, as replication may bring one back. */
  | "revive"
  | "flags"
  | "expunge"
  | "create"
  | "delete"
  | "rename"
  | "header"
  | "acl"
  | "annotation"
  | "quota"
  | "subscription"
  | "seen";

/** One line of the change feed, written in the transaction of the change itself. */
export interface FeedEntry {
  readonly sequence: number;
  readonly kind: FeedKind;
  /** 0 for entries that concern no mailbox (quota, subscription). */
  readonly mailbox: MailboxId;
  readonly uniqueId: string;
  readonly name: MailboxName;
  /** Owner of the mailbox, or the user whose state changed; "" = shared tree. */
  readonly user: UserId;
  readonly modseq: Modseq;
  readonly atMs: number;
}

export interface Feed {
  readonly head: number;
  /** Oldest sequence still there; a follower below it must compare in full. */
  readonly tail: number;
  read(after: number, limit: number): readonly FeedEntry[];
  /** A durable position by name; created at the head when new. */
  follow(name: string, options?: { fromStart?: boolean }): Promise<FeedFollower>;
  followers(): readonly { name: string; position: number }[];
}

export interface FeedFollower {
  readonly position: number;
  /** True when entries between its position and the tail were trimmed: compare in full, then advance. */
  readonly fellBehind: boolean;
  next(limit: number): readonly FeedEntry[];
  advance(sequence: number): Promise<void>;
  onNews(listener: () => void): Unsubscribe;
  remove(): Promise<void>;
}

/**
 * Who may create, delete, rename or change the ACL of a name: reserve before the local commit, activate after it.
 * The first implementation says yes to everything; the murder's asks the directory.
 */
export interface Authority {
  /** All or none: a rename takes its children along, a user all of his mailboxes. */
  reserve(changes: readonly NameChange[]): Promise<Reservation>;
}

export type NameChange =
  | { readonly kind: "create"; readonly name: MailboxName; readonly partition: string; readonly acl: Acl }
  | { readonly kind: "delete"; readonly name: MailboxName }
  | {
      readonly kind: "rename";
      readonly name: MailboxName;
      readonly newName: MailboxName;
      readonly partition: string;
      readonly acl: Acl;
    }
  | { readonly kind: "acl"; readonly name: MailboxName; readonly partition: string; readonly acl: Acl };

export interface Reservation {
  activate(): Promise<void>;
  /** After a failed local commit. Never throws. */
  release(): Promise<void>;
}

/** Hears of messages that came in by append, replace or delivery, when they are on disk: their answer waits for it. */
export interface CommitWitness {
  /** False = there is nobody to wait for. */
  readonly isNeeded: boolean;
  /** `sequence`: the feed's head. Bounded in time; never rejects, the messages are there whatever it finds. */
  committed(users: readonly UserId[], sequence: number): Promise<void>;
}

/** Asked in every commit: may this process write for that user now? */
export interface OwnershipGuard {
  /** @throws StoreError read_only */
  check(user: UserId): void;
}

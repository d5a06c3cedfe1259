/**
 * What the session thread asks of the committer and what comes back: plain values that survive a structured clone.
 * Message bodies travel beside the arguments (`bodies`), so that a batch can hand them over in one buffer.
 */
import type {
  Acl,
  Guid,
  MailboxId,
  MailboxName,
  MailboxOption,
  MailboxType,
  QuotaRoot,
  SeenState,
  SpecialUse,
  UserId,
} from "./model.ts";
import type { AnnotationChange, FeedEntry } from "./port.ts";
import type { StoreErrorCode } from "./errors.ts";
import type { HeaderStatics } from "./header-values.ts";

export type { HeaderNumbers, HeaderStatics } from "./header-values.ts";

export const GUID_BYTES = 20;

export type BodySource =
  /** `known` = GUID, then the summary, both made from these bytes in this process (`prepared-body.ts`). */
  | { kind: "bytes"; bytes: Uint8Array; known?: Uint8Array | undefined }
  | { kind: "file"; path: string; sizeBytes: number }
  | { kind: "guid"; guid: Guid; partition: string };

/** Index into the operation's `bodies`. */
type BodyIndex = number;

export interface AppendItem {
  readonly body: BodyIndex;
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  readonly internalDate: number | undefined;
  readonly annotations: readonly AnnotationChange[];
  readonly threadId: string;
  readonly saveDate: number | undefined;
}

export interface ByActor {
  readonly userId: UserId;
  readonly sessionId: number;
}

export interface AppendedUids {
  readonly uidValidity: number;
  readonly uids: Uint32Array;
  readonly modseq: number;
}

export interface DeliverTargetItem {
  readonly mailbox: MailboxId;
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  readonly prefix: Uint8Array | undefined;
  readonly ignoreQuota: boolean;
  readonly duplicateKey: string | undefined;
  readonly annotations: readonly AnnotationChange[];
}

export type DeliveredItem =
  | { readonly uid: number; readonly uidValidity: number }
  | "duplicate"
  | { readonly code: StoreErrorCode; readonly message: string };

export interface FlagsArgs {
  readonly mailbox: MailboxId;
  readonly uids: Uint32Array;
  readonly mode: "add" | "remove" | "replace";
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  readonly unchangedSince: number | undefined;
  readonly allowedSystemFlags: number;
  readonly keywordsAllowed: boolean;
  readonly by: ByActor;
}

export interface CreateArgs {
  readonly name: MailboxName;
  readonly type: MailboxType;
  readonly partition: string | undefined;
  readonly acl: Acl | undefined;
  readonly specialUse: readonly SpecialUse[];
  readonly uniqueId: string | undefined;
  readonly uidValidity: number | undefined;
  readonly intermediate: boolean;
}

export interface AppliedRecord {
  readonly uid: number;
  readonly modseq: number;
  readonly createdModseq: number;
  readonly lastUpdated: number;
  readonly internalDate: number;
  readonly sizeBytes: number;
  readonly guid: Guid;
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  readonly threadId: string;
  readonly saveDate: number;
  readonly annotations: readonly {
    readonly entry: string;
    readonly userId: UserId;
    readonly modseq: number;
    readonly value: Uint8Array;
  }[];
  readonly body: BodyIndex | undefined;
}

export interface ApplyArgs {
  readonly mailbox: MailboxId;
  readonly ifHighestModseq: number | undefined;
  readonly numbers: Readonly<Record<string, number>>;
  readonly acl: Acl | undefined;
  readonly options: readonly MailboxOption[] | undefined;
  readonly specialUse: readonly SpecialUse[] | undefined;
  readonly records: readonly AppliedRecord[];
  readonly annotations:
    | readonly {
        readonly entry: string;
        readonly userId: UserId;
        readonly modseq: number;
        readonly value: Uint8Array;
      }[]
    | undefined;
  /** Tombstones give way to live records of their UIDs. */
  readonly revive: boolean;
}

export interface ExpiryDays {
  /** Tombstones of expunged messages older than this go, with their bodies. */
  readonly expungedDays: number;
  /** Mailboxes in DELETED. older than this go. */
  readonly deletedDays: number;
  readonly duplicateDays: number;
  /** Tombstones of mailbox names. */
  readonly tombstoneDays: number;
}

/** Every operation with its arguments and its answer. */
export interface OperationMap {
  append: {
    args: { readonly mailbox: MailboxId; readonly messages: readonly AppendItem[]; readonly by: ByActor };
    result: AppendedUids;
  };
  deliver: { args: { readonly targets: readonly DeliverTargetItem[] }; result: readonly DeliveredItem[] };
  storeFlags: {
    args: FlagsArgs;
    result: { readonly modseq: number; readonly changed: Uint32Array; readonly modified: Uint32Array };
  };
  expunge: {
    args: {
      readonly mailbox: MailboxId;
      readonly uids: Uint32Array | undefined;
      readonly onlyDeleted: boolean;
      readonly by: ByActor;
    };
    result: { readonly uids: Uint32Array; readonly modseq: number };
  };
  unexpunge: {
    args: { readonly mailbox: MailboxId; readonly uids: Uint32Array; readonly by: ByActor };
    result: AppendedUids;
  };
  copy: {
    args: {
      readonly source: MailboxId;
      readonly uids: Uint32Array;
      readonly target: MailboxId;
      readonly move: boolean;
      readonly by: ByActor;
    };
    result: {
      readonly uidValidity: number;
      readonly sourceUids: Uint32Array;
      readonly targetUids: Uint32Array;
      readonly modseq: number;
    };
  };
  replace: {
    args: {
      readonly source: MailboxId;
      readonly uid: number;
      readonly target: MailboxId;
      readonly message: AppendItem;
      readonly by: ByActor;
    };
    result: AppendedUids;
  };
  annotate: {
    args: {
      readonly mailbox: MailboxId;
      readonly uids: Uint32Array;
      readonly changes: readonly AnnotationChange[];
      readonly by: ByActor;
    };
    result: { readonly modseq: number };
  };
  create: { args: CreateArgs; result: { readonly id: MailboxId } };
  delete: {
    args: { readonly mailbox: MailboxId; readonly immediate: boolean };
    result: { readonly newName: MailboxName | undefined };
  };
  rename: {
    args: {
      readonly mailbox: MailboxId;
      readonly newName: MailboxName;
      readonly withChildren: boolean;
      readonly partition: string | undefined;
    };
    result: undefined;
  };
  renumber: {
    args: {
      readonly mailbox: MailboxId;
      readonly uidValidity: number;
      /** UIDs and, in the same order, what they become. */
      readonly from: Uint32Array;
      readonly to: Uint32Array;
      /** The others come behind it. */
      readonly nextUid: number;
    };
    result: { readonly id: MailboxId };
  };
  deleteUser: { args: { readonly user: UserId }; result: undefined };
  renameUser: { args: { readonly user: UserId; readonly newUser: UserId }; result: undefined };
  setHeader: {
    args: {
      readonly mailbox: MailboxId;
      readonly acl?: Acl;
      readonly specialUse?: readonly SpecialUse[];
      readonly options?: readonly MailboxOption[];
      readonly numbers?: Readonly<Record<string, number>>;
      readonly quarantined?: boolean;
    };
    result: undefined;
  };
  apply: { args: ApplyArgs; result: undefined };
  setAnnotations: {
    args: { readonly name: MailboxName; readonly changes: readonly AnnotationChange[] };
    result: undefined;
  };
  setSeen: { args: SeenState; result: undefined };
  subscribe: {
    args: { readonly user: UserId; readonly name: MailboxName; readonly subscribed: boolean };
    result: undefined;
  };
  setQuota: {
    args: {
      readonly root: MailboxName;
      readonly limits: Partial<
        Pick<QuotaRoot, "storageLimitBytes" | "messageLimit" | "annotationStorageLimitBytes" | "mailboxLimit">
      >;
    };
    result: undefined;
  };
  removeQuota: { args: { readonly root: MailboxName }; result: undefined };
  recountQuota: { args: { readonly root: MailboxName }; result: undefined };
  follow: {
    args: { readonly name: string; readonly fromStart: boolean };
    result: { readonly position: number };
  };
  advance: { args: { readonly name: string; readonly position: number }; result: undefined };
  unfollow: { args: { readonly name: string }; result: undefined };
  expire: {
    /** `after` = where the last step stopped; 0 = begin. */
    args: { readonly nowSeconds: number; readonly days: ExpiryDays; readonly after: MailboxId };
    result: { readonly messages: number; readonly mailboxes: number; readonly next: MailboxId | undefined };
  };
  compactSegment: {
    args: {
      readonly segment: number;
      /** Where the last step stopped. */
      readonly from: number;
      readonly byRows: boolean;
      readonly maxBytes: number;
    };
    result: {
      readonly next: number;
      readonly byRows: boolean;
      readonly isDone: boolean;
      readonly movedBytes: number;
      /** Some of its bodies cannot be read: the segment stays. */
      readonly isStuck: boolean;
    };
  };
  removeSegments: { args: Readonly<Record<string, never>>; result: { readonly removed: number } };
  archiveBodies: {
    args: { readonly bodies: readonly number[] };
    result: { readonly moved: number; readonly savedBytes: number; readonly damaged: number };
  };
  /** What the committer found to be wrong with segments when it started. */
  takeFindings: { args: Readonly<Record<string, never>>; result: readonly string[] };
  rebuildMailbox: {
    args: {
      readonly mailbox: MailboxId;
      readonly chunks: readonly number[];
      readonly lost: readonly number[];
    };
    result: { readonly expunged: number };
  };
  adjustBodies: {
    args: { readonly changes: readonly { readonly body: number; readonly by: number }[] };
    result: undefined;
  };
  removeBodies: { args: { readonly bodies: readonly number[] }; result: undefined };
  rebuildSummaries: { args: { readonly bodies: readonly number[] }; result: undefined };
  salvageBody: {
    args: { readonly body: number };
    result: { readonly mailbox: MailboxName; readonly uid: number } | undefined;
  };
  adjustSegments: {
    args: { readonly changes: readonly { readonly segment: number; readonly by: number }[] };
    result: undefined;
  };
  removeOrphans: { args: Readonly<Record<string, never>>; result: undefined };
  rebuildGrants: { args: Readonly<Record<string, never>>; result: undefined };
  resetFeed: { args: Readonly<Record<string, never>>; result: undefined };
}

export type OperationKind = keyof OperationMap;

export interface Operation<K extends OperationKind = OperationKind> {
  readonly kind: K;
  readonly args: OperationMap[K]["args"];
  readonly bodies: readonly BodySource[];
}

export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly code: StoreErrorCode | undefined;
      readonly message: string;
      readonly stack: string;
    };

/** Columns of the records that a commit appended or changed, ascending by UID. */
export interface HotRows {
  readonly uids: Uint32Array;
  readonly modseqs: Float64Array;
  readonly lastUpdated: Uint32Array;
  readonly flags: Uint8Array;
  readonly keywords: Uint32Array | undefined;
}
export interface ColdRows {
  readonly internalDates: Float64Array;
  readonly createdModseqs: Float64Array;
  readonly threadIds: Uint32Array;
  readonly bodyIds: Float64Array;
  readonly saveDates: Uint32Array;
  readonly sizes: Uint32Array;
  readonly guids: Uint8Array;
}

/** What one commit did to one mailbox. */
export interface CommitDelta {
  readonly id: MailboxId;
  readonly numbers: Float64Array;
  /** Present when one of them changed. */
  readonly statics: HeaderStatics | undefined;
  readonly deleted: boolean;
  readonly nameOrAclChanged: boolean;
  readonly bySession: number;
  readonly appended: { readonly hot: HotRows; readonly cold: ColdRows } | undefined;
  readonly changed: HotRows | undefined;
  /** Their modseqs beside them. */
  readonly expunged: { readonly uids: Uint32Array; readonly modseqs: Float64Array } | undefined;
  /** \Seen of somebody who is not the owner, or annotations, changed for these. */
  readonly touched: Uint32Array | undefined;
  /** Tombstones or records went for good: a view must be loaded anew. */
  readonly reload: boolean;
}

export interface CommitReport {
  readonly commit: number;
  readonly outcomes: readonly Outcome[];
  readonly deltas: readonly CommitDelta[];
  readonly feed: readonly FeedEntry[];
  readonly feedHead: number;
  readonly feedTail: number;
  /** "user\0uniqueId" of changed seen states. */
  readonly seenChanged: readonly string[];
  /** Of the commit whose report came just before: all there is to show was in that one. */
  readonly isRest?: boolean;
}

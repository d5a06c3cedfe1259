/**
 * The store's data model: what a mailbox and a message record are. Field names are those of RFC 9051, RFC 7162 and
 * Cyrus 3.6 (docs/architecture.md has the glossary). Everything is a mailbox: mail, calendars, address books, Sieve.
 */
import type { Modseq, Uid } from "../base/numbers.ts";

/** Internal name as Cyrus: `user.alice.Sent`, `example.org!user.bob`, `DELETED.user.alice.Sent.5F3A…`; segments in modified UTF-7, '.' between them, '^' for a dot inside one. */
export type MailboxName = string;
/** The user as he logs in, canonical: `alice` in the default domain, `bob@example.org` elsewhere. Lower case. */
export type UserId = string;
/** SHA-1 of the message bytes, 40 lower-case hex digits (= EMAILID). */
export type Guid = string;
/** Local number of a mailbox in this data folder: 1..2^21-1. Never reused; never leaves the process. */
export type MailboxId = number;

export type MailboxType = "mail" | "sieve" | "calendar" | "addressbook" | "collection" | "news";

/** RFC 6154 and RFC 8457, without the backslash, lower case; "snoozed" and others are kept as given. */
export type SpecialUse = string;

/** Bits of `systemFlags`, in Cyrus's print order. \Recent is session state, not a record flag. */
export const SystemFlag = {
  deleted: 1,
  answered: 2,
  flagged: 4,
  draft: 8,
  expunged: 16,
  seen: 32,
} as const;

/** Keywords a mailbox may have at most: a record holds them as a bit set of this width. */
export const MAX_KEYWORDS = 128;

/** Mailbox OPTIONS letters of Cyrus: P new POP3 UIDL, S shared \Seen, D duplicate delivery allowed, A has alarms. */
export type MailboxOption = "pop3NewUidl" | "sharedSeen" | "duplicateDeliver" | "hasAlarms";

/** Times are whole seconds since 1970 unless a name ends in Ms; 0 means "never". */
export interface Mailbox {
  readonly id: MailboxId;
  readonly name: MailboxName;
  /** Cyrus UNIQUEID = MAILBOXID (RFC 8474). Survives renames, moves and replication. */
  readonly uniqueId: string;
  readonly type: MailboxType;
  /** An intermediate exists only as a parent: it holds no messages and is \NonExistent for clients. */
  readonly intermediate: boolean;
  readonly partition: string;
  readonly uidValidity: number;
  readonly lastUid: number;
  readonly highestModseq: Modseq;
  readonly createdModseq: Modseq;
  readonly folderModseq: Modseq;
  /** Tombstones with a modseq at or below this floor may be gone (RFC 7162 §3.2.5.2 answers from a set comparison then). */
  readonly deletedModseq: Modseq;
  readonly acl: Acl;
  readonly specialUse: readonly SpecialUse[];
  readonly options: readonly MailboxOption[];
  /** Name of the quota root that counts this mailbox, found by the longest matching prefix. */
  readonly quotaRoot: MailboxName | undefined;
  readonly lastAppendDate: number;
  readonly recentUid: number;
  readonly recentTime: number;
  readonly pop3LastLogin: number;
  readonly pop3ShowAfter: number;
  readonly xconvModseq: number;
  readonly raclModseq: number;
  /** The two CRCs of the sync protocol, kept incrementally; unsigned 32 bits. */
  readonly syncCrc: number;
  readonly syncCrcAnnot: number;
  /** Counters over records that are not expunged. */
  readonly exists: number;
  readonly unseen: number;
  readonly flaggedDeleted: number;
  readonly sizeBytes: number;
  /** Keyword of each bit; at most MAX_KEYWORDS. A keyword keeps its bit for the life of the mailbox. */
  readonly keywords: readonly string[];
  readonly createdAt: number;
}

/** One entry a line of RFC 4314: identifier → rights letters, in the order stored. Negative rights have identifiers with a leading "-". */
export type Acl = readonly AclEntry[];
export interface AclEntry {
  /** User id, `group:name`, `anyone`, `anonymous`; with leading "-" for negative rights. */
  readonly identifier: string;
  /** Cyrus's letters: l r s w i p k x t e a n (+ 0-9). Sorted as Cyrus prints them: "lrswipkxtecdan". */
  readonly rights: string;
}

export interface MessageAnnotation {
  /** With leading slash, without /priv or /shared: `/comment`, `/altsubject`. */
  readonly entry: string;
  /** "" = shared. */
  readonly userId: UserId;
  readonly modseq: Modseq;
  readonly value: Buffer;
}

/** A message in a mailbox, unpacked. Views hold the same columns packed (`MailboxView`). */
export interface MessageRecord {
  readonly uid: Uid;
  readonly modseq: Modseq;
  readonly createdModseq: Modseq;
  readonly lastUpdated: number;
  readonly internalDate: number;
  readonly sizeBytes: number;
  readonly guid: Guid;
  /** OR of SystemFlag. */
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  /** 16 hex digits as Cyrus sends it, kept verbatim; "" = none. */
  readonly threadId: string;
  readonly saveDate: number;
  readonly annotations: readonly MessageAnnotation[];
}

export interface QuotaRoot {
  readonly root: MailboxName;
  readonly modseq: Modseq;
  /** undefined = unlimited. Storage in bytes here; IMAP and the sync protocol speak of 1,024-byte units. */
  readonly storageLimitBytes: number | undefined;
  readonly messageLimit: number | undefined;
  readonly annotationStorageLimitBytes: number | undefined;
  readonly mailboxLimit: number | undefined;
  readonly storageUsedBytes: number;
  readonly messagesUsed: number;
  readonly annotationStorageUsedBytes: number;
  readonly mailboxesUsed: number;
}

/** \Seen of users other than the owner in a mailbox without shared \Seen (Cyrus seen.db). */
export interface SeenState {
  readonly userId: UserId;
  readonly uniqueId: string;
  readonly lastRead: number;
  readonly lastUid: number;
  readonly lastChange: number;
  /** UID set as text, `1:5,7`. */
  readonly seenUids: string;
}

export interface MailboxAnnotation {
  readonly mailbox: MailboxName;
  /** `/comment`, `/vendor/cmu/cyrus-imapd/expire` …; mailbox "" = server annotation. */
  readonly entry: string;
  readonly userId: UserId;
  readonly modseq: Modseq;
  readonly value: Buffer;
}

/** What stays of a deleted or renamed mailbox, so that clients and replicas can ask what vanished. */
export interface MailboxTombstone {
  readonly name: MailboxName;
  readonly uniqueId: string;
  readonly type: MailboxType;
  readonly uidValidity: number;
  readonly foldermodseq: Modseq;
  readonly deletedAt: number;
}

/**
 * A user's account as the gateway sees it. Two implementations: `local/` over the store of this node, `remote/` over any
 * IMAP, SMTP and LDAP server; both pass test/contracts/eas-account.
 *
 * Promises:
 * - Folder keys and UIDs are stable: a renamed folder keeps its key where the server can tell (MAILBOXID, UIDVALIDITY).
 * - What resolves is done on the server. A failure of the world is AccountError; nothing is half done then.
 * - Everything is lazy: opening a collection costs what is asked of it, and nothing proportional to its size before that.
 */
import type { Uid } from "../../base/numbers.ts";
import type { Person } from "../../directory/people/people.ts";
import type { MessageSummary } from "../../mime/summary.ts";
import type { ItemMarks } from "./item-marks.ts";

export interface Account {
  readonly userId: string;
  readonly displayName: string;
  /** Primary first; a sender must be one of them. */
  readonly addresses: readonly string[];

  /** Mail folders (later calendars and address books), own and shared ones that the user subscribed to; parents before children. */
  folders(): Promise<readonly Folder[]>;
  /** @throws AccountError folder_exists, parent_missing, permission_denied */
  createFolder(parentKey: string | undefined, name: string): Promise<Folder>;
  /** Rename, move below another parent, or both. @throws AccountError folder_missing, folder_exists, special_folder … */
  renameFolder(key: string, parentKey: string | undefined, name: string): Promise<void>;
  deleteFolder(key: string): Promise<void>;
  /** Removes all messages of a folder, and the folders below it when asked (ItemOperations EmptyFolderContents). */
  emptyFolder(key: string, options: { readonly withChildren: boolean }): Promise<void>;
  /** @throws AccountError folder_missing */
  openMail(key: string): Promise<MailCollection>;

  /**
   * Calls `listener` after a change of one of the folders (its key) or of the folder tree (undefined). A hint: it may be
   * late or come without a change, but a change never goes without it. No polling where the server can tell.
   */
  watch(keys: readonly string[], listener: (key: string | undefined) => void): Promise<() => void>;

  /** Finds messages; newest first. Hits of the whole account when `folderKey` is undefined. */
  searchMail(query: MailQuery): Promise<MailHits>;
  /** Global address list: the directory. */
  searchDirectory(query: string, limit: number): Promise<DirectoryHits>;
  photo(address: string, maxBytes: number): Promise<Buffer | "none" | "too_big">;

  /** Sends a message as this user; resolves when a server has taken it. @throws AccountError sender_denied, send_failed, message_too_big, over_quota */
  send(message: OutgoingMessage): Promise<void>;

  vacation(): Promise<Vacation>;
  setVacation(vacation: Vacation): Promise<void>;

  /** Frees connections kept for this user's request; cheap to call twice. */
  release(): void;
}

export type FolderUse = "inbox" | "drafts" | "trash" | "sent" | "junk" | "archive" | "outbox" | undefined;

export interface Folder {
  /** Never shown to devices; at most 255 bytes. */
  readonly key: string;
  readonly parentKey: string | undefined;
  /** Unicode, one level. */
  readonly name: string;
  readonly use: FolderUse;
  readonly class: "mail" | "calendar" | "contacts" | "tasks" | "notes";
  /** May items be put in, changed, deleted? Devices cannot be told, but the command can refuse. */
  readonly writable: boolean;
}

/** One message's state without its content. */
export interface ItemState {
  readonly uid: Uid;
  /** 0 where the server has no CONDSTORE. */
  readonly modseq: number;
  /** OR of SystemFlag as this user sees it. */
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  /** Seconds since 1970. */
  readonly internalDate: number;
  readonly sizeBytes: number;
  /** What devices keep about it beside its flags; undefined = nothing. */
  readonly marks?: ItemMarks;
}

export interface MailCollection {
  readonly key: string;
  /** UIDVALIDITY: UIDs of another epoch mean nothing. */
  readonly epoch: string;
  /** 0 = no CONDSTORE: states are compared instead. */
  readonly highestModseq: number;
  /** UIDs below it were given; a new message gets this or a higher one. */
  readonly uidNext: number;
  readonly use: FolderUse;

  /**
   * Live UIDs without \Deleted (which is gone for devices) and with an internal date at or after `since` (seconds; 0 = all,
   * otherwise the start of a day), ascending. The array is the caller's to read, not to write.
   */
  uids(since: number): Promise<Uint32Array>;
  /**
   * Live messages whose (modseq, uid) is above the position, ascending in that order, at most `limit`. Only with CONDSTORE.
   * Costs what changed, not the size of the mailbox, where the account can.
   */
  changedAfter(
    position: { readonly modseq: number; readonly uid: Uid },
    limit: number,
  ): Promise<readonly ItemState[]>;
  /** UIDs gone since `modseq`; "unknown" below the tombstone floor or without QRESYNC: compare with `uids(0)`. */
  vanishedSince(modseq: number): Promise<Uint32Array | "unknown">;
  /** In the order of `uids`; those that are gone are left out. */
  states(uids: readonly Uid[]): Promise<readonly ItemState[]>;
  /**
   * Messages with what is needed to show them, in the order of `uids`; those that are gone are left out. Reading ahead is
   * bounded. A message that cannot be read gives an item whose `failure` says why; the others follow.
   */
  items(uids: readonly Uid[]): AsyncIterable<MailItem | FailedItem>;

  /**
   * Resolves with the modseq that the change got, by UID (gone ones left out), so that the device's own change is not sent
   * back; 0 when somebody else had changed the message since this collection last showed its state.
   */
  storeFlags(uids: readonly Uid[], change: ItemFlagChange): Promise<ReadonlyMap<Uid, number>>;
  /** UID in the target by source UID. @throws AccountError folder_missing, permission_denied, over_quota; PartlyMovedError */
  move(uids: readonly Uid[], targetKey: string): Promise<ReadonlyMap<Uid, Uid>>;
  expunge(uids: readonly Uid[]): Promise<void>;
  append(message: Buffer, options: AppendOptions): Promise<{ readonly uid: Uid; readonly modseq: number }>;
  /** Frees the view or selection. */
  release(): void;
}

export interface MailItem extends ItemState {
  readonly failure?: undefined;
  /** SHA-1 of the bytes where the store knows it, else something as unique: the key of conversion caches. */
  readonly contentKey: string;
  readonly summary: MessageSummary;
  /** 16 hex digits or ""; messages of one conversation share it. */
  readonly threadId: string;
  /** Bytes [start, end) of the message; clipped. */
  read(start: number, end: number): Promise<Buffer>;
}

export interface FailedItem {
  readonly uid: Uid;
  readonly failure: Error;
}

export interface ItemFlagChange {
  /** Take the place of those that are there; undefined = leave them. */
  readonly marks?: ItemMarks;
  readonly add: { readonly systemFlags: number; readonly keywords: readonly string[] };
  readonly remove: { readonly systemFlags: number; readonly keywords: readonly string[] };
}

export interface AppendOptions {
  readonly systemFlags: number;
  readonly keywords: readonly string[];
  /** Seconds; undefined = now. */
  readonly internalDate?: number;
}

export interface MailQuery {
  readonly folderKey: string | undefined;
  readonly withChildren: boolean;
  /** Words to be found anywhere; "" = any. */
  readonly freeText: string;
  readonly from?: string;
  readonly to?: string;
  readonly subject?: string;
  /** Seconds: received after / before. */
  readonly after?: number;
  readonly before?: number;
  /** Thread id (16 hex digits), or the whole ConversationId (32) that was made where the server gave none: mail/conversation.ts. */
  readonly conversation?: string;
  readonly offset: number;
  readonly limit: number;
}

export interface MailHits {
  readonly total: number;
  readonly hits: readonly { readonly folderKey: string; readonly uid: Uid }[];
}

export interface DirectoryHits {
  /** Of all that match, as far as the directory tells. */
  readonly total: number;
  readonly people: readonly DirectoryPerson[];
}

export type DirectoryPerson = Person;

export interface OutgoingMessage {
  /** RFC 5322 with Bcc still in it; the account takes Bcc out. */
  readonly bytes: Buffer;
  /** Envelope recipients when they are not those of the header fields. */
  readonly recipients?: readonly string[];
  readonly saveInSent: boolean;
  /** The same key again, after an answer that was lost, sends nothing twice where the account can tell. */
  readonly onceKey?: string;
}

export interface Vacation {
  readonly enabled: boolean;
  /** Seconds since 1970; undefined = until switched off. */
  readonly startsAt: number | undefined;
  readonly endsAt: number | undefined;
  /** To whom it answers, and what; an absent one gets no answer. */
  readonly internal: VacationMessage | undefined;
  readonly externalKnown: VacationMessage | undefined;
  readonly externalUnknown: VacationMessage | undefined;
}

export interface VacationMessage {
  readonly text: string;
  readonly isHtml: boolean;
}

export type AccountErrorCode =
  | "folder_missing"
  | "folder_exists"
  | "parent_missing"
  | "special_folder"
  | "folder_name_invalid"
  | "item_missing"
  | "permission_denied"
  | "over_quota"
  | "message_too_big"
  | "sender_denied"
  /** Nobody to send to. */
  | "no_recipient"
  /** The server refused the message or a recipient for good; its answer is the message. */
  | "send_failed"
  | "keyword_limit"
  /** Time-out, connection lost, server down: try again later. */
  | "unavailable"
  /** The password is no longer good. */
  | "credentials_invalid";

export class AccountError extends Error {
  override name = "AccountError";
  readonly code: AccountErrorCode;
  constructor(code: AccountErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Some recipients got the message: sent again as it is, they would have it twice. */
export class PartlySentError extends AccountError {
  constructor(message: string) {
    super("send_failed", message);
  }
}

/** The connection was lost, or the quota full, after some had been moved. */
export class PartlyMovedError extends AccountError {
  readonly moved: ReadonlyMap<Uid, Uid>;
  constructor(moved: ReadonlyMap<Uid, Uid>, cause: AccountError) {
    super(cause.code, cause.message, { cause });
    this.moved = moved;
  }
}

/** Who may use the gateway, and his account. `local/` asks the directory, `remote/` logs in to the IMAP server. */
export interface Accounts {
  /**
   * `name` may be `DOMAIN\user`, `user@domain` or plain.
   * @throws AccountError credentials_invalid (the only case that is answered with 401), unavailable
   */
  open(name: string, password: string, remoteAddress: string, tls: boolean): Promise<Account>;
  /** By a bearer token (RFC 6750); not there where tokens mean nothing. @throws AccountError as above */
  openWithToken?(token: string, remoteAddress: string, tls: boolean): Promise<Account>;
}

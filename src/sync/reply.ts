/** Refusals → answers, in one place. The Cyrus client matches the first word with the blank behind it. */
import type { StoreErrorCode } from "../store/errors.ts";
import { StoreError } from "../store/errors.ts";

/** A command is refused with this answer. */
export class SyncRefusal extends Error {
  override name = "SyncRefusal";
  readonly reply: string;
  constructor(reply: string) {
    super(reply);
    this.reply = reply;
  }
}

export const SyncReply = {
  ok: "OK success",
  nonexistent: "NO IMAP_MAILBOX_NONEXISTENT No Such Mailbox",
  moved: "NO IMAP_MAILBOX_MOVED Mailbox exists with another name or uniqueid",
  checksum: "NO IMAP_SYNC_CHECKSUM Checksum Failure",
  changed: "NO IMAP_SYNC_CHANGED Changed since last sync",
  notSupported: "NO IMAP_MAILBOX_NOTSUPPORTED Operation not supported on mailbox",
  invalidUser: "NO IMAP_INVALID_USER No Such User",
  badSieve: "NO IMAP_SYNC_BADSIEVE Bad Sieve script",
  locked: "NO IMAP_MAILBOX_LOCKED Mailbox is locked",
  protocolError: "NO IMAP_PROTOCOL_ERROR Protocol error",
  badParameters: "NO IMAP_PROTOCOL_BAD_PARAMETERS",
  badPartition: "NO Unknown/invalid partition",
  unknown: "NO Unknown error",
} as const;

const STORE_REPLIES: Readonly<Record<StoreErrorCode, string>> = {
  mailbox_not_found: SyncReply.nonexistent,
  mailbox_exists: SyncReply.moved,
  mailbox_name_invalid: "NO IMAP_PROTOCOL_ERROR Mailbox name is not valid",
  mailbox_operation_invalid: SyncReply.notSupported,
  special_use_taken: SyncReply.notSupported,
  mailbox_has_children: SyncReply.notSupported,
  mailbox_quarantined: SyncReply.locked,
  message_not_found: SyncReply.unknown,
  message_too_big: "NO Message is too big",
  keyword_limit: "NO Mailbox has no room for another keyword",
  keyword_invalid: "NO Keyword is not valid",
  over_quota: "NO Over quota",
  quota_root_not_found: "NO Quota root does not exist",
  annotation_invalid: "NO Annotation is not valid",
  annotation_too_big: "NO Annotation is too big",
  permission_denied: "NO Permission denied",
  read_only: "NO IMAP_MAILBOX_LOCKED This server is master of the user",
  authority_unavailable: "NO IMAP_MAILBOX_LOCKED Mailbox directory does not answer",
  disk_full: "NO Not enough disk space",
  disk_failed: "NO Storage failed",
  conflict: SyncReply.checksum,
  shutting_down: "BYE shutting down",
};

/** Undefined when the error is no refusal but a fault of ours. */
export function replyTo(error: unknown): string | undefined {
  if (error instanceof SyncRefusal) return error.reply;
  if (error instanceof StoreError) return STORE_REPLIES[error.code];
  return undefined;
}

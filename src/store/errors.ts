/**
 * Why the store refuses. A closed union: every protocol maps it to replies in ONE Record<StoreErrorCode, …>,
 * so a new code does not compile until each has an answer.
 */
export type StoreErrorCode =
  | "mailbox_not_found"
  | "mailbox_exists"
  | "mailbox_name_invalid"
  /** Deleting INBOX, renaming onto a child, creating below a mailbox that forbids children … */
  | "mailbox_operation_invalid"
  | "mailbox_has_children"
  /** Another mailbox of the user has it (RFC 6154 §3). */
  | "special_use_taken"
  /** Refuses writes until checked, after an internal inconsistency was seen. */
  | "mailbox_quarantined"
  | "message_not_found"
  | "message_too_big"
  /** More than 128 keywords in a mailbox, or a keyword that is not an atom. */
  | "keyword_limit"
  | "keyword_invalid"
  | "over_quota"
  | "quota_root_not_found"
  | "annotation_invalid"
  | "annotation_too_big"
  | "permission_denied"
  /** This process does not own the user (replica, moved away, stale epoch): temporary for senders. */
  | "read_only"
  /** The authority (directory) did not answer or said no for now. */
  | "authority_unavailable"
  | "disk_full"
  | "disk_failed"
  /** A conditional change lost against somebody else's (replication: IMAP_SYNC_CHECKSUM and friends). */
  | "conflict"
  | "shutting_down";

/** A refusal by the store. `temporary` tells MTAs and clients whether trying again later can help. */
export class StoreError extends Error {
  override name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get temporary(): boolean {
    return TEMPORARY.has(this.code);
  }
}

const TEMPORARY: ReadonlySet<StoreErrorCode> = new Set([
  "mailbox_quarantined",
  "over_quota",
  "read_only",
  "authority_unavailable",
  "disk_full",
  "disk_failed",
  "shutting_down",
]);

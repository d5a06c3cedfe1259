/**
 * Refusals → `-ERR`, in one place. Response codes: RFC 2449 §8 (LOGIN-DELAY, IN-USE), RFC 3206 (SYS/TEMP, SYS/PERM,
 * AUTH), RFC 6856 §2.
 */
import { AuthError, type AuthErrorCode } from "../directory/port.ts";
import { StoreError, type StoreErrorCode } from "../store/errors.ts";

/** One line without its CRLF, beginning with +OK, -ERR or "+ ". */
export type Reply = string;

/** A command is refused with this reply. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly reply: Reply;
  constructor(text: string) {
    super(text);
    this.reply = `-ERR ${text}`;
  }
}

const STORE_REPLIES: Readonly<Record<StoreErrorCode, Reply>> = {
  mailbox_not_found: "-ERR [SYS/PERM] There is no maildrop",
  mailbox_exists: "-ERR [SYS/TEMP] Maildrop changed meanwhile",
  mailbox_name_invalid: "-ERR [SYS/PERM] There is no maildrop",
  mailbox_operation_invalid: "-ERR [SYS/PERM] Maildrop does not allow that",
  special_use_taken: "-ERR [SYS/PERM] Maildrop does not allow that",
  mailbox_has_children: "-ERR [SYS/TEMP] Maildrop changed meanwhile",
  mailbox_quarantined: "-ERR [SYS/TEMP] Maildrop is being checked",
  message_not_found: "-ERR Message was removed meanwhile",
  message_too_big: "-ERR [SYS/PERM] Message is too big",
  keyword_limit: "-ERR [SYS/TEMP] Maildrop changed meanwhile",
  keyword_invalid: "-ERR [SYS/TEMP] Maildrop changed meanwhile",
  over_quota: "-ERR [SYS/TEMP] Maildrop is full",
  quota_root_not_found: "-ERR [SYS/TEMP] Maildrop changed meanwhile",
  annotation_invalid: "-ERR [SYS/TEMP] Maildrop changed meanwhile",
  annotation_too_big: "-ERR [SYS/TEMP] Maildrop changed meanwhile",
  permission_denied: "-ERR [SYS/PERM] Permission denied",
  read_only: "-ERR [SYS/TEMP] Maildrop is served elsewhere for now",
  authority_unavailable: "-ERR [SYS/TEMP] Mailbox directory does not answer",
  disk_full: "-ERR [SYS/TEMP] Not enough disk space",
  disk_failed: "-ERR [SYS/TEMP] Storage failed",
  conflict: "-ERR [SYS/TEMP] Maildrop changed meanwhile",
  shutting_down: "-ERR [SYS/TEMP] Shutting down",
};

const AUTH_REPLIES: Readonly<Record<AuthErrorCode, Reply>> = {
  credentials_invalid: "-ERR [AUTH] Authentication failed",
  authorization_denied: "-ERR [AUTH] Authorisation denied",
  account_disabled: "-ERR [AUTH] Account is disabled",
  mechanism_unknown: "-ERR Mechanism is unknown",
  tls_required: "-ERR Mechanism needs TLS",
  protocol_error: "-ERR Authentication exchange is not valid",
  unavailable: "-ERR [SYS/TEMP] Directory does not answer",
  too_many_failures: "-ERR [SYS/TEMP] Too many failures",
};

/** Undefined when the error is no refusal but a fault of ours. */
export function replyTo(error: unknown): Reply | undefined {
  if (error instanceof Refusal) return error.reply;
  if (error instanceof StoreError) return STORE_REPLIES[error.code];
  if (error instanceof AuthError) return AUTH_REPLIES[error.code];
  return undefined;
}

/**
 * Refusals → replies, in one place. Codes: RFC 5321 §4.2, RFC 3463, RFC 5248.
 *
 * What is temporary for us (a lock, a full disk, another owner) is 4yz, so that the MTA keeps the message; 5yz only
 * where trying again cannot help.
 */
import type { DeliveryRefusalCode } from "../delivery/refusal.ts";
import { DeliveryRefusal } from "../delivery/refusal.ts";
import { AuthError, type AuthErrorCode } from "../directory/port.ts";
import { StoreError, type StoreErrorCode } from "../store/errors.ts";
import { SyntaxRefusal } from "./codec/syntax-refusal.ts";

/** One reply, its lines joined by CRLF, without the last CRLF. */
export type Reply = string;

/** A command is refused with this reply. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly reply: Reply;
  constructor(reply: Reply) {
    super(reply);
    this.reply = reply;
  }
}

const STORE_REPLIES: Readonly<Record<StoreErrorCode, Reply>> = {
  // Deleted between RCPT and the end of the data: trying again asks the directory anew.
  mailbox_not_found: "450 4.2.0 Mailbox is gone",
  mailbox_exists: "451 4.3.0 Mailbox changed meanwhile",
  mailbox_name_invalid: "550 5.1.3 Mailbox name is not valid",
  mailbox_operation_invalid: "550 5.2.0 Mailbox takes no messages",
  special_use_taken: "550 5.2.0 Mailbox takes no messages",
  mailbox_has_children: "451 4.3.0 Mailbox changed meanwhile",
  mailbox_quarantined: "450 4.2.0 Mailbox is being checked",
  message_not_found: "451 4.3.0 Message is gone",
  message_too_big: "552 5.3.4 Message is too big",
  keyword_limit: "451 4.3.0 Mailbox has no room for another keyword",
  keyword_invalid: "451 4.3.0 Keyword is not valid",
  over_quota: "452 4.2.2 Mailbox is full",
  quota_root_not_found: "451 4.3.0 Quota changed meanwhile",
  annotation_invalid: "451 4.3.0 Annotation is not valid",
  annotation_too_big: "451 4.3.0 Annotation is too big",
  permission_denied: "550 5.7.1 Permission denied",
  read_only: "451 4.3.2 Mailbox is served elsewhere for now",
  authority_unavailable: "451 4.4.3 Mailbox directory does not answer",
  disk_full: "452 4.3.1 Not enough disk space",
  disk_failed: "451 4.3.0 Storage failed",
  conflict: "451 4.3.0 Mailbox changed meanwhile",
  shutting_down: "421 4.3.2 Shutting down",
};

const DELIVERY_REPLIES: Readonly<Record<DeliveryRefusalCode, Reply>> = {
  recipient_unknown: "550 5.1.1 Recipient is unknown",
  recipient_remote: "550 5.1.2 Domain is not served here",
  post_denied: "550 5.7.1 Nobody may post to this folder",
  over_quota_temporary: "452 4.2.2 Mailbox is full",
  over_quota_permanent: "552 5.2.2 Mailbox is full",
  message_loop: "554 5.4.6 Message passed too many hosts",
  rejected: "550 5.7.1 Message rejected",
};

const AUTH_REPLIES: Readonly<Record<AuthErrorCode, Reply>> = {
  credentials_invalid: "535 5.7.8 Authentication failed",
  authorization_denied: "535 5.7.8 Authorisation denied",
  account_disabled: "535 5.7.13 Account is disabled",
  mechanism_unknown: "504 5.5.4 Mechanism is unknown",
  tls_required: "538 5.7.11 Mechanism needs TLS",
  protocol_error: "501 5.5.2 Authentication exchange is not valid",
  unavailable: "454 4.7.0 Directory does not answer",
  too_many_failures: "421 4.7.0 Too many failures",
};

/** Undefined when the error is no refusal but a fault of ours. */
export function replyTo(error: unknown): Reply | undefined {
  if (error instanceof Refusal) return error.reply;
  if (error instanceof SyntaxRefusal) return `501 5.5.4 ${error.message}`;
  if (error instanceof DeliveryRefusal) {
    return error.code === "rejected" ? `550 5.7.1 ${oneLine(error.message)}` : DELIVERY_REPLIES[error.code];
  }
  if (error instanceof StoreError) return STORE_REPLIES[error.code];
  if (error instanceof AuthError) return AUTH_REPLIES[error.code];
  return undefined;
}

/** For a recipient whose delivery failed by a fault of ours: the MTA keeps the message. */
export const INTERNAL_ERROR: Reply = "451 4.3.0 Internal error";

/** Text from outside must not end a line; RFC 5321 §4.5.3.1.5 bounds it. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, " ").slice(0, 400);
}

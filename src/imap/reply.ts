/** Refusals of the rooms below → NO with a response code (RFC 9051 §7.1, RFC 5530, RFC 9208). */
import { AuthError, type AuthErrorCode } from "../directory/port.ts";
import { StoreError, type StoreErrorCode } from "../store/errors.ts";
import { ImapRefusal, no } from "./refusal.ts";

const STORE_CODES: Record<StoreErrorCode, string> = {
  mailbox_not_found: "NONEXISTENT",
  mailbox_exists: "ALREADYEXISTS",
  mailbox_name_invalid: "CANNOT",
  mailbox_operation_invalid: "CANNOT",
  mailbox_has_children: "HASCHILDREN",
  special_use_taken: "USEATTR",
  mailbox_quarantined: "CORRUPTION",
  message_not_found: "EXPUNGEISSUED",
  message_too_big: "TOOBIG",
  keyword_limit: "LIMIT",
  keyword_invalid: "CANNOT",
  over_quota: "OVERQUOTA",
  quota_root_not_found: "NONEXISTENT",
  annotation_invalid: "CANNOT",
  annotation_too_big: "LIMIT",
  permission_denied: "NOPERM",
  read_only: "INUSE",
  authority_unavailable: "UNAVAILABLE",
  disk_full: "LIMIT",
  disk_failed: "SERVERBUG",
  conflict: "INUSE",
  shutting_down: "UNAVAILABLE",
};

const STORE_TEXTS: Partial<Record<StoreErrorCode, string>> = {
  mailbox_exists: "Mailbox exists already",
  mailbox_operation_invalid: "Not possible with this mailbox",
  mailbox_has_children: "Mailbox has others below it",
  special_use_taken: "Another mailbox has this special use",
  mailbox_quarantined: "Mailbox waits for repair",
  message_not_found: "Message is gone",
  keyword_limit: "Too many keywords in this mailbox",
  over_quota: "Quota exceeded",
  quota_root_not_found: "Quota root does not exist",
  disk_full: "No room left",
  disk_failed: "Storage failed",
  conflict: "Changed by somebody else meanwhile",
};

const AUTH_CODES: Record<AuthErrorCode, string | undefined> = {
  credentials_invalid: "AUTHENTICATIONFAILED",
  authorization_denied: "AUTHORIZATIONFAILED",
  account_disabled: "CONTACTADMIN",
  mechanism_unknown: "CANNOT",
  tls_required: "PRIVACYREQUIRED",
  protocol_error: undefined,
  unavailable: "UNAVAILABLE",
  too_many_failures: "LIMIT",
};

const NOT_THERE = "Mailbox does not exist";

/** Undefined for what is no refusal: failures of the world and bugs. */
export function refusalOf(error: unknown): ImapRefusal | undefined {
  if (error instanceof ImapRefusal) return error;
  // One text, whatever the reason: a mailbox that may not be seen must not differ from one that is not there.
  if (error instanceof StoreError && error.code === "mailbox_not_found") return no(NOT_THERE, "NONEXISTENT");
  if (error instanceof StoreError) {
    return no(textOf(error), STORE_CODES[error.code]);
  }
  if (error instanceof AuthError) {
    const code = AUTH_CODES[error.code];
    return new ImapRefusal(error.code === "protocol_error" ? "BAD" : "NO", capitalized(error.message), code);
  }
  return undefined;
}

/** A missing target of APPEND, COPY and MOVE: the client may create it and try again (RFC 9051 §6.3.12). */
export function tryCreate(error: unknown): unknown {
  if (error instanceof StoreError && error.code === "mailbox_not_found") {
    return no(NOT_THERE, "TRYCREATE");
  }
  return error;
}

/** The store's messages are for the log: they have internal names and paths. What clients may read goes through. */
function textOf({ code, message }: StoreError): string {
  const fixed = STORE_TEXTS[code];
  if (fixed !== undefined) return fixed;
  if (code !== "mailbox_name_invalid") return capitalized(message);
  return `Mailbox name: ${/": ([^"]*)$/.exec(message)?.[1] ?? "not valid"}`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

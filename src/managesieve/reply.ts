/** Refusals → NO with a response code (RFC 5804 §1.3), in one place. */
import { ScriptRefusal, type ScriptRefusalCode } from "../delivery/script-refusal.ts";
import { AuthError, type AuthErrorCode } from "../directory/port.ts";
import { StoreError, type StoreErrorCode } from "../store/errors.ts";

/** What a command answers; OK with no text becomes "OK". */
export interface Completion {
  readonly text?: string;
  /** Response code without its parentheses. */
  readonly code?: string;
}

/** A command is refused. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly code: string | undefined;
  constructor(text: string, code?: string) {
    super(text);
    this.code = code;
  }
}

const STORE_CODES: Readonly<Record<StoreErrorCode, string | undefined>> = {
  mailbox_not_found: "NONEXISTENT",
  mailbox_exists: "TRYLATER",
  mailbox_name_invalid: undefined,
  mailbox_operation_invalid: undefined,
  special_use_taken: undefined,
  mailbox_has_children: undefined,
  mailbox_quarantined: "TRYLATER",
  message_not_found: "NONEXISTENT",
  message_too_big: "QUOTA/MAXSIZE",
  keyword_limit: undefined,
  keyword_invalid: undefined,
  over_quota: "QUOTA",
  quota_root_not_found: undefined,
  annotation_invalid: undefined,
  annotation_too_big: undefined,
  permission_denied: undefined,
  read_only: "TRYLATER",
  authority_unavailable: "TRYLATER",
  disk_full: "TRYLATER",
  disk_failed: "TRYLATER",
  conflict: "TRYLATER",
  shutting_down: "TRYLATER",
};

const AUTH_CODES: Readonly<Record<AuthErrorCode, string | undefined>> = {
  credentials_invalid: undefined,
  authorization_denied: undefined,
  account_disabled: undefined,
  mechanism_unknown: undefined,
  tls_required: "ENCRYPT-NEEDED",
  protocol_error: undefined,
  unavailable: "TRYLATER",
  too_many_failures: "TRYLATER",
};

const SCRIPT_CODES: Readonly<Record<ScriptRefusalCode, string | undefined>> = {
  script_not_found: "NONEXISTENT",
  script_exists: "ALREADYEXISTS",
  script_active: "ACTIVE",
  script_name_invalid: undefined,
  script_too_big: "QUOTA/MAXSIZE",
  too_many_scripts: "QUOTA/MAXSCRIPTS",
  script_invalid: undefined,
};

/** What was done, with what the author of a script should know (RFC 5804 §1.3). */
export function withWarnings(warnings: readonly string[]): Completion {
  return warnings.length === 0 ? {} : { text: warnings.map(capitalized).join("\r\n"), code: "WARNINGS" };
}

/** Undefined when the error is no refusal but a fault of ours. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof ScriptRefusal)
    return new Refusal(capitalized(error.message), SCRIPT_CODES[error.code]);
  if (error instanceof StoreError) return new Refusal(capitalized(error.message), STORE_CODES[error.code]);
  if (error instanceof AuthError) return new Refusal(capitalized(error.message), AUTH_CODES[error.code]);
  return undefined;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

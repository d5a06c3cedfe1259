/** Refusals of the store and the directory as the gateway knows them. */
import { AuthError, type AuthErrorCode } from "../../../directory/port.ts";
import { StoreError, type StoreErrorCode } from "../../../store/errors.ts";
import { AccountError, type AccountErrorCode } from "../port.ts";

const CODES: Record<StoreErrorCode, AccountErrorCode> = {
  mailbox_not_found: "folder_missing",
  mailbox_exists: "folder_exists",
  mailbox_name_invalid: "folder_name_invalid",
  mailbox_operation_invalid: "special_folder",
  mailbox_has_children: "folder_exists",
  special_use_taken: "folder_exists",
  mailbox_quarantined: "unavailable",
  message_not_found: "item_missing",
  message_too_big: "message_too_big",
  keyword_limit: "keyword_limit",
  keyword_invalid: "keyword_limit",
  over_quota: "over_quota",
  quota_root_not_found: "over_quota",
  annotation_invalid: "permission_denied",
  annotation_too_big: "permission_denied",
  permission_denied: "permission_denied",
  read_only: "unavailable",
  authority_unavailable: "unavailable",
  disk_full: "unavailable",
  disk_failed: "unavailable",
  conflict: "unavailable",
  shutting_down: "unavailable",
};

/** A device asks its user for the password again only when that can help: S2.80. */
const LOGIN_CODES: Record<AuthErrorCode, AccountErrorCode> = {
  credentials_invalid: "credentials_invalid",
  authorization_denied: "permission_denied",
  account_disabled: "permission_denied",
  mechanism_unknown: "credentials_invalid",
  tls_required: "permission_denied",
  protocol_error: "credentials_invalid",
  unavailable: "unavailable",
  too_many_failures: "unavailable",
};

/** The refusal in the gateway's words; anything else as it is. */
export function accountFailure(error: unknown): unknown {
  if (error instanceof StoreError)
    return new AccountError(CODES[error.code], error.message, { cause: error });
  if (error instanceof AuthError) {
    return new AccountError(LOGIN_CODES[error.code], error.message, { cause: error });
  }
  return error;
}

export async function asAccount<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw accountFailure(error);
  }
}

/**
 * One shape for everything that can go wrong in an operation: it crosses the admin socket as JSON, is printed by the
 * command line and decides its exit code. `next` says what the operator can do now.
 */
import { ScriptRefusal, type ScriptRefusalCode } from "../delivery/script-refusal.ts";
import { DirectoryError, type DirectoryErrorCode } from "../directory/admin.ts";
import { SqlError } from "../base/io/sql/port.ts";
import { AuthError } from "../directory/port.ts";
import { MigrateError } from "../migrate/errors.ts";
import { StoreError, type StoreErrorCode } from "../store/errors.ts";
import { describeSystemFailure } from "./system-failure.ts";

/** usage: the call was wrong; refused: it cannot be done as asked; unavailable: not now; configuration: to be mended there; internal: a bug. */
export type FailureKind = "usage" | "refused" | "unavailable" | "configuration" | "internal";

export interface Failure {
  readonly kind: FailureKind;
  /** Stable word for scripts: an AdminErrorCode, StoreErrorCode, DirectoryErrorCode or "internal_error". */
  readonly code: string;
  readonly message: string;
  readonly next: string | undefined;
}

export type AdminErrorCode =
  | "argument_invalid"
  | "operation_unknown"
  | "directory_read_only"
  | "delivery_refused"
  | "delivery_deferred"
  | "mailbox_not_deleted"
  | "inbox_of_user"
  | "queued_mail_not_found"
  | "device_unknown"
  | "device_refused"
  | "data_folder_in_use"
  | "data_folder_missing"
  | "node_not_running"
  | "node_stopped"
  | "replica_refused"
  | "replica_unreachable"
  | "request_too_big";

/** An operation refuses. */
export class AdminError extends Error {
  override name = "AdminError";
  readonly code: AdminErrorCode;
  readonly next: string | undefined;
  constructor(code: AdminErrorCode, message: string, options?: ErrorOptions & { readonly next?: string }) {
    super(message, options);
    this.code = code;
    this.next = options?.next;
  }
}

/** A failure that another process reported: thrown by the client with everything that was said. */
export class ReportedFailure extends Error {
  override name = "ReportedFailure";
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

const ADMIN_KIND: Record<AdminErrorCode, FailureKind> = {
  argument_invalid: "usage",
  operation_unknown: "usage",
  directory_read_only: "refused",
  delivery_refused: "refused",
  queued_mail_not_found: "refused",
  delivery_deferred: "unavailable",
  mailbox_not_deleted: "refused",
  inbox_of_user: "refused",
  device_unknown: "refused",
  device_refused: "refused",
  data_folder_in_use: "unavailable",
  data_folder_missing: "refused",
  node_not_running: "unavailable",
  node_stopped: "unavailable",
  replica_refused: "refused",
  replica_unreachable: "unavailable",
  request_too_big: "refused",
};

const NEXT: Partial<Record<StoreErrorCode | DirectoryErrorCode | ScriptRefusalCode, string>> = {
  mailbox_not_found: "See the names with: rookery mailbox list",
  mailbox_exists: "Choose another name, or see what is there with: rookery mailbox list",
  mailbox_name_invalid: "Write it as user.alice.Folder, or example.org!user.bob.Folder in another domain.",
  mailbox_has_children: "Delete or rename the mailboxes below it first.",
  over_quota: "See and raise the limit with: rookery mailbox quota USER --storage SIZE",
  disk_full: "Make room on the file system of the data folder; see: rookery doctor",
  disk_failed: "See the log and the kernel's messages about the disk.",
  user_unknown: "See the users with: rookery user list",
  user_exists: "Set a new password with: rookery user password NAME",
  domain_unknown: "Add it first with: rookery domain add DOMAIN",
  domain_in_use: "Remove its users and aliases first, and make another domain the default.",
  default_domain_in_use:
    "Set directory.defaultdomain in the configuration instead: users without @domain then belong to it. Or add the domain without --default.",
  alias_loop: "See the aliases with: rookery alias list",
  alias_unknown: "See the aliases with: rookery alias list",
  group_unknown: "See the groups with: rookery group list",
  script_not_found: "See the scripts with: rookery sieve list USER",
  script_active: "Make another one active first, or none: rookery sieve activate USER --none",
  script_invalid: "See every fault and warning with: rookery sieve check FILE",
  script_too_big: "The option sieve.max_script_size sets the bound.",
  too_many_scripts: "The option sieve.max_scripts sets the bound.",
  app_password_unknown: "See the ids with: rookery app-password list NAME",
};

const DATABASE_NEXT = "See the option `database` of the group that it belongs to: migrate or activesync.";

/** Says of any error what an operator may read; what is no refusal is a bug or the world's fault and says so. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof ReportedFailure) return error.failure;
  if (error instanceof AdminError) {
    return { kind: ADMIN_KIND[error.code], code: error.code, message: error.message, next: error.next };
  }
  if (error instanceof StoreError) {
    const kind = error.temporary ? "unavailable" : "refused";
    return { kind, code: error.code, message: error.message, next: NEXT[error.code] };
  }
  if (error instanceof DirectoryError) {
    return { kind: "refused", code: error.code, message: error.message, next: NEXT[error.code] };
  }
  if (error instanceof ScriptRefusal) {
    return { kind: "refused", code: error.code, message: error.message, next: NEXT[error.code] };
  }
  if (error instanceof AuthError) {
    const kind = error.code === "unavailable" ? "unavailable" : "refused";
    return { kind, code: error.code, message: error.message, next: undefined };
  }
  if (error instanceof MigrateError) {
    const kind = error.code === "invalid" ? "usage" : "refused";
    return { kind, code: `migration_${error.code}`, message: error.message, next: undefined };
  }
  if (error instanceof SqlError && error.code !== "constraint") {
    const kind = error.code === "refused" ? "configuration" : "unavailable";
    return { kind, code: `database_${error.code}`, message: error.message, next: DATABASE_NEXT };
  }
  const known = describeSystemFailure(error);
  if (known !== undefined) return known;
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "internal", code: "internal_error", message, next: undefined };
}

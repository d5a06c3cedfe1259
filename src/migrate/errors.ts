export type MigrateErrorCode =
  /** A field is missing or wrong. */
  | "invalid"
  | "not_found"
  /** The name is taken, the target user belongs to somebody else, a migration is under way. */
  | "conflict"
  /** The source is not allowed it. */
  | "not_allowed"
  /** It is still used by others. */
  | "in_use"
  /** The storage key of a password is not configured here, or is another one. */
  | "no_key";

/** A refusal: the message names what was asked and why it cannot be. */
export class MigrateError extends Error {
  override name = "MigrateError";
  readonly code: MigrateErrorCode;
  constructor(code: MigrateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Why a change of a user's scripts is refused, besides what the store refuses (StoreError). */
export type ScriptRefusalCode =
  | "script_not_found"
  | "script_exists"
  /** The active script cannot be deleted (RFC 5804 §2.10). */
  | "script_active"
  | "script_name_invalid"
  | "script_too_big"
  | "too_many_scripts"
  /** Does not compile, or is not UTF-8; the message is for its author. */
  | "script_invalid";

export class ScriptRefusal extends Error {
  override name = "ScriptRefusal";
  readonly code: ScriptRefusalCode;

  constructor(code: ScriptRefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

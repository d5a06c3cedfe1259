/** What IMAP servers refuse, as the gateway knows it: RFC 5530 codes first, then what the command was. */
import { ImapLoginError } from "../../../imap/client-connect.ts";
import { type CommandResult, ImapClientError } from "../../../imap/client-command.ts";
import { AccountError, type AccountErrorCode } from "../port.ts";

const CODES: ReadonlyMap<string, AccountErrorCode> = new Map([
  ["NONEXISTENT", "folder_missing"],
  ["TRYCREATE", "folder_missing"],
  ["ALREADYEXISTS", "folder_exists"],
  ["NOPERM", "permission_denied"],
  ["OVERQUOTA", "over_quota"],
  ["LIMIT", "over_quota"],
  ["TOOBIG", "message_too_big"],
  ["CANNOT", "folder_name_invalid"],
  ["UNAVAILABLE", "unavailable"],
  ["INUSE", "unavailable"],
  ["SERVERBUG", "unavailable"],
  ["CONTACTADMIN", "unavailable"],
]);

/** @throws AccountError unless the answer is OK; `otherwise` where the server gives no code */
export function accepted(result: CommandResult, otherwise: AccountErrorCode): CommandResult {
  if (result.status === "OK") return result;
  const code = result.code?.split(" ")[0]?.toUpperCase() ?? "";
  // Without codes, words: Dovecot and Cyrus before RFC 5530, and others.
  const guess: AccountErrorCode = /over ?quota|quota exceeded/i.test(result.text)
    ? "over_quota"
    : /permission|denied/i.test(result.text)
      ? "permission_denied"
      : otherwise;
  throw new AccountError(CODES.get(code) ?? guess, result.text);
}

export function accountFailure(error: unknown): unknown {
  if (error instanceof AccountError) return error;
  if (error instanceof ImapLoginError) {
    const code = error.temporary ? "unavailable" : "credentials_invalid";
    return new AccountError(code, error.message, { cause: error });
  }
  const isNetwork = error instanceof Error && "code" in error && typeof error.code === "string";
  if (error instanceof ImapClientError || isNetwork) {
    return new AccountError("unavailable", error instanceof Error ? error.message : "", { cause: error });
  }
  return error;
}

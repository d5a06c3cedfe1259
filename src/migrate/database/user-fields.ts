import { MigrateError } from "../errors.ts";

/** What a request says about a user: a missing field stays as it is, null takes it away where it may be missing. */
export interface UserFields {
  readonly targetUid?: string;
  readonly target?: string;
  readonly sourceHost?: string;
  readonly sourcePort?: number | null;
  readonly password?: string | null;
  readonly email?: string | null;
  readonly imapcOptions?: readonly string[] | null;
  readonly useImapcSsl?: boolean | null;
  readonly excludeFolders?: readonly string[] | null;
}

const MAX_UID = 320;
const MAX_PASSWORD_BYTES = 1024;
const MAX_LIST = 500;
const MAX_ITEM = 1000;

/** @throws MigrateError invalid */
export function checkUserFields(sourceUid: string, fields: UserFields): void {
  checkUid("sourceUid", sourceUid);
  if (fields.targetUid !== undefined) checkUid("targetUid", fields.targetUid);
  const { sourcePort, password, email, imapcOptions, excludeFolders } = fields;
  if (
    typeof sourcePort === "number" &&
    !(Number.isInteger(sourcePort) && sourcePort > 0 && sourcePort < 65_536)
  ) {
    throw invalid("sourceport", "is no port");
  }
  if (typeof password === "string") {
    if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) throw invalid("password", "is too long");
    if (/[\0\r\n]/.test(password)) throw invalid("password", "holds a control character");
  }
  if (typeof email === "string") checkUid("email", email);
  checkList("imapcOptions", imapcOptions);
  checkList("excludeFolders", excludeFolders);
}

function checkUid(field: string, value: string): void {
  if (value === "") throw invalid(field, "is empty");
  if (value.length > MAX_UID) throw invalid(field, "is too long");
  if (/\p{Cc}/u.test(value)) throw invalid(field, "holds a control character");
}

function checkList(field: string, list: readonly string[] | null | undefined): void {
  if (list === undefined || list === null) return;
  if (list.length > MAX_LIST) throw invalid(field, `has more than ${MAX_LIST} items`);
  if (list.some((item) => item.length > MAX_ITEM || /[\0\r\n]/.test(item))) {
    throw invalid(field, "has an item that is too long or holds a control character");
  }
}

function invalid(field: string, why: string): MigrateError {
  return new MigrateError("invalid", `${field} ${why}`);
}

import type { SqlRow } from "../../base/io/sql/port.ts";
import type { MigrationUser } from "../model.ts";
import type { EncryptedPassword } from "../secrets.ts";
import { bytesOf, listOf, numberOf, optionalNumber, optionalText, textOf } from "./row.ts";

/** A user as the tables have him: the password stays closed. */
export interface StoredUser extends Omit<MigrationUser, "password"> {
  readonly password: EncryptedPassword | undefined;
  readonly revision: number;
  readonly createdMs: number;
  readonly modifiedMs: number;
}

export const USER_COLUMNS = `u.source, u.source_uid, u.target, u.target_uid, u.source_host, u.source_port, u.password_key,
  u.password_iv, u.password, u.email, u.imapc_options, u.use_imapc_ssl, u.exclude_folders, u.revision,
  u.created AS user_created, u.modified AS user_modified`;

export function toStoredUser(row: SqlRow): StoredUser {
  const alias = optionalText(row, "password_key");
  const useSsl = optionalNumber(row, "use_imapc_ssl");
  return {
    source: textOf(row, "source"),
    sourceUid: textOf(row, "source_uid"),
    targetUid: textOf(row, "target_uid"),
    target: textOf(row, "target"),
    sourceHost: textOf(row, "source_host"),
    sourcePort: optionalNumber(row, "source_port"),
    password:
      alias === undefined
        ? undefined
        : { alias, iv: bytesOf(row, "password_iv"), ciphertext: bytesOf(row, "password") },
    email: optionalText(row, "email"),
    imapcOptions: listOf(row, "imapc_options"),
    useImapcSsl: useSsl === undefined ? undefined : useSsl === 1,
    excludeFolders: listOf(row, "exclude_folders"),
    revision: numberOf(row, "revision"),
    createdMs: numberOf(row, "user_created"),
    modifiedMs: numberOf(row, "user_modified"),
  };
}

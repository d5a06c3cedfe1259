/** What is kept of a password: its argon2id hash, and the keys of SCRAM. */
import { prepare } from "../wire/sasl/prepare.ts";
import type { ScramKeys } from "../wire/sasl/scram-keys.ts";
import { DirectoryError } from "./admin.ts";
import { MAX_PASSWORD_CHARACTERS } from "./authenticator.ts";
import type { EmbeddedDatabase, UserRow } from "./embedded-database.ts";
import type { PasswordHasher } from "./password-hasher.ts";

export interface Secrets {
  readonly hash: string;
  readonly keys: ScramKeys;
}

/** @throws DirectoryError password_invalid; AuthError unavailable */
export async function secretsOf(password: string, hasher: PasswordHasher): Promise<Secrets> {
  const prepared = prepare(password, "stored");
  if (prepared === undefined || prepared === "" || password.length > MAX_PASSWORD_CHARACTERS) {
    throw new DirectoryError(
      "password_invalid",
      `a password has 1 to ${MAX_PASSWORD_CHARACTERS} characters and no control characters (RFC 4013)`,
    );
  }
  const [hash, keys] = await Promise.all([hasher.hash(prepared), hasher.scramKeys(prepared)]);
  return { hash, keys };
}

/** @param version another one than before: sessions that are remembered end */
export function storeSecrets(
  database: EmbeddedDatabase,
  row: UserRow,
  { hash, keys }: Secrets,
  version: number,
): void {
  database.sql
    .prepare(
      `UPDATE users SET password_hash = ?, credential_version = ?, scram_salt = ?, scram_iterations = ?,
         scram_stored_key = ?, scram_server_key = ? WHERE id = ?`,
    )
    .run(hash, version, keys.salt, keys.iterations, keys.storedKey, keys.serverKey, row.id);
}

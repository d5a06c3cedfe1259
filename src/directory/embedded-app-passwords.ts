/** Passwords of single devices and programs in the embedded database. */
import type { Clock } from "../base/io/clock.ts";
import type { Random } from "../base/io/random.ts";
import { DirectoryError, type AppPassword, type CreatedAppPassword, type NewAppPassword } from "./admin.ts";
import { makeAppPassword, normalAppPassword } from "./app-password.ts";
import { newCredentialVersion } from "./credential-version.ts";
import type { AppPasswordRow, EmbeddedDatabase } from "./embedded-database.ts";
import type { EmbeddedNames } from "./embedded-names.ts";
import type { PasswordHasher } from "./password-hasher.ts";

export const MAX_APP_PASSWORDS = 100;
const MAX_LABEL_CHARACTERS = 200;

export class EmbeddedAppPasswords {
  readonly #parts: {
    readonly database: EmbeddedDatabase;
    readonly hasher: PasswordHasher;
    readonly io: { readonly clock: Clock; readonly random: Random };
  };
  readonly #names: EmbeddedNames;

  constructor(
    parts: {
      readonly database: EmbeddedDatabase;
      readonly hasher: PasswordHasher;
      readonly io: { readonly clock: Clock; readonly random: Random };
    },
    names: EmbeddedNames,
  ) {
    this.#parts = parts;
    this.#names = names;
  }

  async add(name: string, options: NewAppPassword): Promise<CreatedAppPassword> {
    const { database, hasher, io } = this.#parts;
    const { label, protocols = [] } = options;
    if (label === "" || label.length > MAX_LABEL_CHARACTERS) {
      throw new DirectoryError("name_invalid", "an app password needs a label of at most 200 characters");
    }
    if (!protocols.every((protocol) => /^[a-z][a-z0-9]*$/.test(protocol))) {
      throw new DirectoryError("name_invalid", `"${protocols.join(",")}" is no list of protocols`);
    }
    const { id: user } = this.#names.row(name);
    let made = makeAppPassword(io.random);
    while (database.appPassword(user, made.id) !== undefined) made = makeAppPassword(io.random);
    const hash = await hasher.hash(normalAppPassword(made.password)?.text ?? "");
    const createdAtMs = io.clock.nowMs();
    database.write(() => {
      const row = this.#names.row(name);
      const count = database.sql
        .prepare<[number], number>("SELECT count(*) FROM app_passwords WHERE user = ?")
        .pluck()
        .get(row.id);
      if ((count ?? 0) >= MAX_APP_PASSWORDS) {
        throw new DirectoryError(
          "too_many",
          `"${row.user_id}" has ${MAX_APP_PASSWORDS} app passwords already`,
        );
      }
      database.sql
        .prepare(
          "INSERT INTO app_passwords (id, user, label, hash, protocols, created_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .run(made.id, row.id, label, hash, protocols.join(" "), createdAtMs);
    });
    return { ...made, label, protocols, createdAtMs, lastUsedAtMs: undefined };
  }

  list(name: string): readonly AppPassword[] {
    return this.#parts.database.sql
      .prepare<[number], AppPasswordRow>(
        "SELECT * FROM app_passwords WHERE user = ? ORDER BY created_at_ms, id",
      )
      .all(this.#names.row(name).id)
      .map((row) => ({
        id: row.id,
        label: row.label,
        protocols: row.protocols === "" ? [] : row.protocols.split(" "),
        createdAtMs: row.created_at_ms,
        lastUsedAtMs: row.last_used_at_ms ?? undefined,
      }));
  }

  revoke(name: string, id: string): void {
    const { database, io } = this.#parts;
    database.write(() => {
      const row = this.#names.row(name);
      const { changes } = database.sql
        .prepare("DELETE FROM app_passwords WHERE user = ? AND id = ?")
        .run(row.id, id);
      if (changes === 0) {
        throw new DirectoryError("app_password_unknown", `"${row.user_id}" has no app password "${id}"`);
      }
      database.sql
        .prepare("UPDATE users SET credential_version = ? WHERE id = ?")
        .run(newCredentialVersion(io.random), row.id);
    });
  }
}

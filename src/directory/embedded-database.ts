/** `directory.sqlite`: rows in, rows out. One connection on the main thread: look-ups take microseconds, writes are rare. */
import { join } from "node:path";
import type { Database, Statement } from "better-sqlite3";
import { openSqlite } from "../base/io/sqlite.ts";
import { migrate } from "./schema.ts";

export interface UserRow {
  readonly id: number;
  readonly user_id: string;
  readonly display_name: string;
  readonly password_hash: string | null;
  readonly scram_salt: Buffer | null;
  readonly scram_iterations: number | null;
  readonly scram_stored_key: Buffer | null;
  readonly scram_server_key: Buffer | null;
  readonly enabled: 0 | 1;
  readonly is_admin: 0 | 1;
  readonly is_proxy: 0 | 1;
  readonly quota_bytes: number | null;
  readonly credential_version: number;
}

export interface AppPasswordRow {
  readonly id: string;
  readonly user: number;
  readonly label: string;
  readonly hash: string;
  /** Separated by blanks; "" = all. */
  readonly protocols: string;
  readonly created_at_ms: number;
  readonly last_used_at_ms: number | null;
}

export const DATABASE_FILE = "directory.sqlite";

export class EmbeddedDatabase {
  readonly sql: Database;
  readonly #user: Statement<[string], UserRow>;
  readonly #hasUser: Statement<[string], 1>;
  readonly #groups: Statement<[number], string>;
  readonly #addresses: Statement<[string], string>;
  readonly #targets: Statement<[string], string>;
  readonly #members: Statement<[string], string>;
  readonly #domain: Statement<[string], 1>;
  readonly #appPassword: Statement<[number, string], AppPasswordRow>;
  readonly #meta: Statement<[string], Buffer>;
  readonly #ownChanges: Statement<[], number>;
  readonly #foreignChanges: Statement<[], number>;
  readonly #setMeta: Statement<[string, Buffer]>;

  constructor(folder: string) {
    this.sql = openSqlite(join(folder, DATABASE_FILE), {}, (sql) => {
      sql.pragma("journal_mode = WAL");
      // The library's build syncs the WAL only at checkpoints; a password change must survive a power cut.
      sql.pragma("synchronous = FULL");
      sql.pragma("foreign_keys = ON");
      sql.pragma("secure_delete = ON");
      migrate(sql);
    });
    this.#user = this.sql.prepare("SELECT * FROM users WHERE user_id = ?");
    this.#hasUser = this.sql.prepare<[string], 1>("SELECT 1 FROM users WHERE user_id = ?").pluck();
    this.#groups = this.sql
      .prepare<[number], string>(
        "SELECT name FROM group_members JOIN groups ON groups.id = group_id WHERE user = ? ORDER BY name",
      )
      .pluck();
    this.#addresses = this.sql
      .prepare<[string], string>(
        `SELECT address FROM alias_targets AS a WHERE target = ? AND substr(address, 1, 1) <> '@'
         AND (SELECT count(*) FROM alias_targets WHERE address = a.address) = 1 ORDER BY address`,
      )
      .pluck();
    this.#targets = this.sql
      .prepare<[string], string>("SELECT target FROM alias_targets WHERE address = ? ORDER BY target")
      .pluck();
    this.#members = this.sql
      .prepare<[string], string>(
        `SELECT user_id FROM groups JOIN group_members ON group_id = groups.id JOIN users ON users.id = user
         WHERE address = ? ORDER BY user_id`,
      )
      .pluck();
    this.#domain = this.sql.prepare<[string], 1>("SELECT 1 FROM domains WHERE name = ?").pluck();
    this.#appPassword = this.sql.prepare("SELECT * FROM app_passwords WHERE user = ? AND id = ?");
    this.#meta = this.sql.prepare<[string], Buffer>("SELECT value FROM meta WHERE key = ?").pluck();
    this.#ownChanges = this.sql.prepare<[], number>("SELECT total_changes()").pluck();
    this.#foreignChanges = this.sql.prepare<[], number>("PRAGMA data_version").pluck();
    this.#setMeta = this.sql.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)");
  }

  user(userId: string): UserRow | undefined {
    return this.#user.get(userId);
  }

  hasUser(userId: string): boolean {
    return this.#hasUser.get(userId) === 1;
  }

  /** Whether a user id ends in this domain. */
  hasUserIn(domain: string): boolean {
    const statement = this.sql.prepare("SELECT 1 FROM users WHERE substr(user_id, ?) = ? LIMIT 1");
    return statement.get(-domain.length - 1, `@${domain}`) !== undefined;
  }

  groupsOf(user: number): readonly string[] {
    return this.#groups.all(user);
  }

  /** Aliases that lead to this user alone. */
  aliasesOnlyOf(userId: string): readonly string[] {
    return this.#addresses.all(userId);
  }

  targetsOf(address: string): readonly string[] {
    return this.#targets.all(address);
  }

  /** User ids of the group with this address. */
  membersAt(address: string): readonly string[] {
    return this.#members.all(address);
  }

  hasDomain(name: string): boolean {
    return this.#domain.get(name) === 1;
  }

  appPassword(user: number, id: string): AppPasswordRow | undefined {
    return this.#appPassword.get(user, id);
  }

  meta(key: string): Buffer | undefined {
    return this.#meta.get(key);
  }

  setMeta(key: string, value: Buffer): void {
    this.#setMeta.run(key, value);
  }

  /** Another number after every change made here. */
  ownChanges(): number | undefined {
    return this.#ownChanges.get();
  }

  /** Another number after every change made by another process. */
  foreignChanges(): number | undefined {
    return this.#foreignChanges.get();
  }

  /** Runs `change` in one durable transaction. */
  write<Result>(change: () => Result): Result {
    return this.sql.transaction(change).immediate();
  }

  close(): void {
    this.sql.close();
  }
}

/** Tables of `directory.sqlite`. A change appends a step to MIGRATIONS; steps that were released are never edited. */
import type { Database } from "better-sqlite3";

/** Step n brings a database from version n to n + 1 (`PRAGMA user_version`). */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE domains (name TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL DEFAULT '',
    password_hash TEXT,
    scram_salt BLOB,
    scram_iterations INTEGER,
    scram_stored_key BLOB,
    scram_server_key BLOB,
    enabled INTEGER NOT NULL DEFAULT 1,
    is_admin INTEGER NOT NULL DEFAULT 0,
    is_proxy INTEGER NOT NULL DEFAULT 0,
    quota_bytes INTEGER,
    -- Random at each change, so that a user made anew under an old name has another one.
    credential_version INTEGER NOT NULL
  );
  CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, address TEXT UNIQUE);
  CREATE TABLE group_members (
    user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (user, group_id)
  ) WITHOUT ROWID;
  CREATE INDEX group_members_group ON group_members (group_id);
  -- Addresses in full; '@domain' takes what nothing else in the domain does. Targets without the default domain.
  CREATE TABLE alias_targets (
    address TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (address, target)
  ) WITHOUT ROWID;
  CREATE INDEX alias_targets_target ON alias_targets (target);
  CREATE TABLE app_passwords (
    -- The first group of the password, so that one look-up finds it and only one hash is computed.
    id TEXT NOT NULL,
    user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    hash TEXT NOT NULL,
    protocols TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    last_used_at_ms INTEGER,
    PRIMARY KEY (user, id)
  ) WITHOUT ROWID;
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the database to this version in one transaction. @throws Error when it was written by a newer one */
export function migrate(database: Database): void {
  const upgrade = database.transaction(() => {
    const version = Number(database.pragma("user_version", { simple: true }));
    if (version > SCHEMA_VERSION) {
      throw new Error(
        `"${database.name}" has schema version ${version}, this program knows up to ${SCHEMA_VERSION}`,
      );
    }
    for (const step of MIGRATIONS.slice(version)) database.exec(step);
    if (version < SCHEMA_VERSION) database.pragma(`user_version = ${SCHEMA_VERSION}`);
  });
  upgrade.immediate();
}

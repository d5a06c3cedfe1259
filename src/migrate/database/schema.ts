/**
 * The tables of the migration. They keep the meaning of the Dovecot Migration Framework's (S4.76): sources, source
 * hosts, targets, backends, target uids (unique across sources), users, journal. Instead of a copy of `users` and
 * `journal` for each source there is one table with the source as the first part of its keys.
 *
 * Times are milliseconds since 1970, truth is 0 or 1, lists and details are JSON.
 */
import { identityKey, type SchemaVersion } from "../../base/io/sql/schema.ts";

export const SCHEMA_NAME = "migrate";

export const schemaVersions: readonly SchemaVersion[] = [
  (dialect) => [
    `CREATE TABLE migrate_sources (
      name text NOT NULL PRIMARY KEY,
      api_key_hash text NOT NULL UNIQUE,
      created bigint NOT NULL
    )`,
    `CREATE TABLE migrate_source_hosts (
      source text NOT NULL REFERENCES migrate_sources (name),
      name text NOT NULL,
      max_connections bigint NOT NULL,
      migration_command_1 text NOT NULL,
      migration_command_2 text NOT NULL,
      status_command text NOT NULL,
      max_messages_per_second bigint NOT NULL,
      max_bytes_per_second bigint NOT NULL,
      takes bigint NOT NULL DEFAULT 0,
      PRIMARY KEY (source, name)
    )`,
    `CREATE TABLE migrate_targets (name text NOT NULL PRIMARY KEY, created bigint NOT NULL)`,
    `CREATE TABLE migrate_backends (
      target text NOT NULL REFERENCES migrate_targets (name),
      name text NOT NULL,
      state text NOT NULL,
      max_threads bigint NOT NULL,
      initial_state text NOT NULL,
      version text NOT NULL,
      running bigint NOT NULL,
      started bigint NOT NULL,
      heartbeat bigint NOT NULL,
      PRIMARY KEY (target, name)
    )`,
    `CREATE TABLE migrate_target_uids (
      target text NOT NULL,
      target_uid text NOT NULL,
      source text NOT NULL,
      source_uid text NOT NULL,
      PRIMARY KEY (target, target_uid),
      UNIQUE (source, source_uid)
    )`,
    // `revision` grows with each change: what was decided from an older one is refused.
    `CREATE TABLE migrate_users (
      source text NOT NULL,
      source_uid text NOT NULL,
      target text NOT NULL REFERENCES migrate_targets (name),
      target_uid text NOT NULL,
      source_host text NOT NULL,
      source_port bigint,
      password_key text,
      password_iv bytea,
      password bytea,
      email text,
      imapc_options text NOT NULL,
      use_imapc_ssl bigint,
      exclude_folders text NOT NULL,
      revision bigint NOT NULL,
      created bigint NOT NULL,
      modified bigint NOT NULL,
      PRIMARY KEY (source, source_uid),
      FOREIGN KEY (source, source_host) REFERENCES migrate_source_hosts (source, name)
    )`,
    `CREATE INDEX migrate_users_host ON migrate_users (source, source_host)`,
    `CREATE INDEX migrate_users_target ON migrate_users (target)`,
    // `holder` is a number drawn for one take, by which a worker finds what it has just got.
    `CREATE TABLE migrate_journal (
      id ${identityKey(dialect)},
      source text NOT NULL,
      source_uid text NOT NULL,
      source_host text NOT NULL,
      target text NOT NULL,
      phase text NOT NULL,
      status text NOT NULL,
      priority bigint NOT NULL,
      dry_run bigint NOT NULL,
      not_before bigint NOT NULL,
      created bigint NOT NULL,
      started bigint,
      stopped bigint,
      modified bigint NOT NULL,
      backend text,
      attempt bigint NOT NULL DEFAULT 0,
      fence bigint NOT NULL DEFAULT 0,
      holder text,
      lease_until bigint,
      progress text,
      result text,
      FOREIGN KEY (source, source_uid) REFERENCES migrate_users (source, source_uid)
    )`,
    // A user has one open migration at most.
    `CREATE UNIQUE INDEX migrate_journal_open ON migrate_journal (source, source_uid) WHERE status IN ('READY', 'SYNC')`,
    `CREATE INDEX migrate_journal_user ON migrate_journal (source, source_uid, id)`,
    `CREATE INDEX migrate_journal_ready ON migrate_journal (source, source_host, target, priority DESC, id) WHERE status = 'READY'`,
    `CREATE INDEX migrate_journal_running ON migrate_journal (source, source_host) WHERE status = 'SYNC'`,
    `CREATE INDEX migrate_journal_counts ON migrate_journal (source, source_host, phase, status)`,
    `CREATE INDEX migrate_journal_status ON migrate_journal (source, status, id)`,
  ],
  [
    `CREATE TABLE migrate_waves (
      name text NOT NULL PRIMARY KEY,
      source text NOT NULL REFERENCES migrate_sources (name),
      state text NOT NULL,
      windows text NOT NULL,
      time_zone text NOT NULL,
      created bigint NOT NULL,
      modified bigint NOT NULL
    )`,
    `ALTER TABLE migrate_users ADD COLUMN wave text`,
    `ALTER TABLE migrate_journal ADD COLUMN wave text`,
    `CREATE INDEX migrate_users_wave ON migrate_users (wave, source_uid)`,
  ],
  // Patterns of the target uids that the source may have; NULL = all.
  [`ALTER TABLE migrate_sources ADD COLUMN target_uids text`],
  [`ALTER TABLE migrate_journal ADD COLUMN pauses bigint NOT NULL DEFAULT 0`],
  // The few of a long queue that wait for room at their target.
  [
    `CREATE INDEX migrate_journal_paused ON migrate_journal (id) WHERE status = 'READY' AND result IS NOT NULL`,
  ],
];

/** Tables of the ledger: folders with their cursors, records in chunks, remarks, the last verification. */
import { identityKey, type SchemaVersion } from "../../base/io/sql/schema.ts";

export const LEDGER_NAME = "ledger";

export const LEDGER_SCHEMA: readonly SchemaVersion[] = [
  (dialect) => [
    `CREATE TABLE migrate_folders (
      id ${identityKey(dialect)},
      source text NOT NULL,
      source_uid text NOT NULL,
      source_folder text NOT NULL,
      cursor_json text NOT NULL,
      UNIQUE (source, source_uid, source_folder))`,
    `CREATE TABLE migrate_chunks (
      folder bigint NOT NULL,
      first_uid bigint NOT NULL,
      data bytea NOT NULL,
      PRIMARY KEY (folder, first_uid))`,
    `CREATE TABLE migrate_remarks (
      folder bigint NOT NULL,
      uid bigint NOT NULL,
      reason text NOT NULL,
      PRIMARY KEY (folder, uid))`,
    `CREATE TABLE migrate_verifications (
      source text NOT NULL,
      source_uid text NOT NULL,
      at_ms bigint NOT NULL,
      losses bigint NOT NULL,
      result_json text NOT NULL,
      PRIMARY KEY (source, source_uid))`,
  ],
];

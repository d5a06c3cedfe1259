/**
 * The tables of what devices know. Everything is found by user first, so that it can be spread over shards.
 *
 * Times are milliseconds since 1970, truth is 0 or 1.
 */
import type { SchemaVersion } from "../../base/io/sql/schema.ts";

export const SCHEMA_NAME = "activesync";

export const schemaVersions: readonly SchemaVersion[] = [
  [
    `CREATE TABLE eas_devices (
      user_id text NOT NULL,
      device_id text NOT NULL,
      device_type text NOT NULL,
      user_agent text NOT NULL,
      access text NOT NULL,
      policy_key bigint NOT NULL,
      wipe text NOT NULL,
      wiped_at_ms bigint NOT NULL,
      tracing bigint NOT NULL,
      information text NOT NULL,
      last_version text NOT NULL,
      created_at_ms bigint NOT NULL,
      last_seen_at_ms bigint NOT NULL,
      PRIMARY KEY (user_id, device_id)
    )`,
    `CREATE TABLE eas_records (
      user_id text NOT NULL,
      device_id text NOT NULL,
      kind text NOT NULL,
      record_key text NOT NULL,
      version bigint NOT NULL,
      value bytea NOT NULL,
      expires_at_ms bigint NOT NULL,
      PRIMARY KEY (user_id, device_id, kind, record_key)
    )`,
    "CREATE INDEX eas_records_expiry ON eas_records (expires_at_ms)",
  ],
];

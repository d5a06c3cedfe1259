/** One row a source host: when its next message and byte may move, what was learned of its patience. */
import type { SchemaVersion } from "../../base/io/sql/schema.ts";

export const PACE_NAME = "pace";

export const PACE_SCHEMA: readonly SchemaVersion[] = [
  () => [
    `CREATE TABLE migrate_pace (
      source text NOT NULL,
      host text NOT NULL,
      message_at_ms double precision NOT NULL,
      byte_at_ms double precision NOT NULL,
      pause_until_ms double precision NOT NULL,
      learned_messages double precision NOT NULL,
      learned_bytes double precision NOT NULL,
      refused_messages double precision NOT NULL,
      window_start_ms double precision NOT NULL,
      window_messages double precision NOT NULL,
      window_bytes double precision NOT NULL,
      rate_messages double precision NOT NULL,
      rate_bytes double precision NOT NULL,
      backoffs bigint NOT NULL,
      backoffs_in_row bigint NOT NULL,
      backoff_ms double precision NOT NULL,
      raised_ms double precision NOT NULL,
      reason text NOT NULL,
      PRIMARY KEY (source, host))`,
  ],
];

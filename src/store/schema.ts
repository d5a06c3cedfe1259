/**
 * The index database: tables and their versions. `PRAGMA user_version` is the format of the whole data folder.
 *
 * A record lies in two packed chunk rows (docs/decisions/0001-record-chunks.md): `hot` holds what flags change,
 * `cold` what never changes. Keys of both and of summaries are mailbox id * 2^32 + number, so a mailbox is one range.
 */
import type Database from "better-sqlite3";
import { StoreError } from "./errors.ts";

export const FORMAT_VERSION = 4;
/** Of the file `index.sqlite` ("Rook"). */
const APPLICATION_ID = 0x526f_6f6b;

const VERSION_1 = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE mailboxes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  unique_id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  intermediate INTEGER NOT NULL,
  partition TEXT NOT NULL,
  acl TEXT NOT NULL,
  special_use TEXT NOT NULL,
  options TEXT NOT NULL,
  quota_root TEXT,
  keywords TEXT NOT NULL,
  "commit" INTEGER NOT NULL,
  uid_validity INTEGER NOT NULL,
  last_uid INTEGER NOT NULL,
  highest_modseq INTEGER NOT NULL,
  created_modseq INTEGER NOT NULL,
  folder_modseq INTEGER NOT NULL,
  deleted_modseq INTEGER NOT NULL,
  last_append_date INTEGER NOT NULL,
  recent_uid INTEGER NOT NULL,
  recent_time INTEGER NOT NULL,
  pop3_last_login INTEGER NOT NULL,
  pop3_show_after INTEGER NOT NULL,
  xconv_modseq INTEGER NOT NULL,
  racl_modseq INTEGER NOT NULL,
  sync_crc INTEGER NOT NULL,
  sync_crc_annot INTEGER NOT NULL,
  exists_count INTEGER NOT NULL,
  unseen INTEGER NOT NULL,
  flagged_deleted INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  annotations INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  quarantined INTEGER NOT NULL
);
CREATE TABLE hot_chunks (key INTEGER PRIMARY KEY, live INTEGER NOT NULL, dead INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE TABLE cold_chunks (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE summaries (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE bodies (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  guid_prefix INTEGER NOT NULL,
  guid BLOB NOT NULL,
  partition TEXT NOT NULL,
  segment INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  refs INTEGER NOT NULL,
  summary INTEGER NOT NULL
);
CREATE INDEX bodies_by_guid ON bodies (guid_prefix);
CREATE TABLE segments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  partition TEXT NOT NULL,
  size INTEGER NOT NULL,
  live_bytes INTEGER NOT NULL,
  active INTEGER NOT NULL
);
CREATE TABLE message_annotations (
  mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, entry TEXT NOT NULL, user_id TEXT NOT NULL,
  modseq INTEGER NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (mailbox, uid, entry, user_id)
) WITHOUT ROWID;
CREATE TABLE mailbox_annotations (
  mailbox INTEGER NOT NULL, entry TEXT NOT NULL, user_id TEXT NOT NULL,
  modseq INTEGER NOT NULL, value BLOB NOT NULL,
  PRIMARY KEY (mailbox, entry, user_id)
) WITHOUT ROWID;
CREATE TABLE subscriptions (user_id TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (user_id, key)) WITHOUT ROWID;
CREATE TABLE seen_states (
  user_id TEXT NOT NULL, unique_id TEXT NOT NULL, last_read INTEGER NOT NULL, last_uid INTEGER NOT NULL,
  last_change INTEGER NOT NULL, seen_uids TEXT NOT NULL,
  PRIMARY KEY (user_id, unique_id)
) WITHOUT ROWID;
CREATE INDEX seen_states_by_mailbox ON seen_states (unique_id);
CREATE TABLE quota_roots (
  key TEXT PRIMARY KEY, modseq INTEGER NOT NULL,
  storage_limit INTEGER, message_limit INTEGER, annotation_limit INTEGER, mailbox_limit INTEGER,
  storage_used INTEGER NOT NULL, messages_used INTEGER NOT NULL, annotation_used INTEGER NOT NULL,
  mailboxes_used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE duplicates (
  mailbox INTEGER NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (mailbox, key)
) WITHOUT ROWID;
CREATE INDEX duplicates_by_age ON duplicates (at);
CREATE TABLE feed (
  sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, mailbox INTEGER NOT NULL, unique_id TEXT NOT NULL,
  name TEXT NOT NULL, user TEXT NOT NULL, modseq INTEGER NOT NULL, at_ms INTEGER NOT NULL
);
CREATE TABLE followers (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE tombstones (
  key TEXT NOT NULL, unique_id TEXT NOT NULL, type TEXT NOT NULL, uid_validity INTEGER NOT NULL,
  folder_modseq INTEGER NOT NULL, deleted_at INTEGER NOT NULL,
  PRIMARY KEY (key, unique_id)
) WITHOUT ROWID;
CREATE INDEX tombstones_by_age ON tombstones (deleted_at);
CREATE TABLE name_history (
  unique_id TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (unique_id, at, key)
) WITHOUT ROWID;
INSERT INTO meta VALUES ('commit', 0), ('feed_head', 0), ('feed_tail', 1), ('uid_validity', 0);
`;

/** Archived bodies: bytes that they take in zstd. */
const VERSION_2 = `
ALTER TABLE bodies ADD COLUMN packed INTEGER NOT NULL DEFAULT 0;
`;

/**
 * Who has rights where, by identifier, so that a user's LIST need not look at mailboxes that are none of his business
 * (Cyrus has RACLs for this). Kept by triggers: whatever writes a mailbox's row keeps it right.
 */
const GRANTS_OF = (row: string): string => `
  SELECT json_extract(entry.value, '$.identifier') AS identifier, ${row}.key, ${row}.id FROM json_each(${row}.acl) AS entry
  WHERE instr(${row}.key, 'DELETED' || char(31)) = 0 AND substr(json_extract(entry.value, '$.identifier'), 1, 1) <> '-'`;
const WITHOUT_OLD = `DELETE FROM acl_grants WHERE key = OLD.key AND identifier IN (
  SELECT json_extract(entry.value, '$.identifier') FROM json_each(OLD.acl) AS entry);`;
const VERSION_3 = `
CREATE TABLE acl_grants (
  identifier TEXT NOT NULL, key TEXT NOT NULL, mailbox INTEGER NOT NULL, PRIMARY KEY (identifier, key)
) WITHOUT ROWID;
INSERT OR IGNORE INTO acl_grants ${GRANTS_OF("mailboxes").replace("FROM json_each", "FROM mailboxes, json_each")};
CREATE TRIGGER grants_of_new AFTER INSERT ON mailboxes BEGIN
  INSERT OR REPLACE INTO acl_grants ${GRANTS_OF("NEW")};
END;
CREATE TRIGGER grants_of_changed AFTER UPDATE OF acl, key ON mailboxes
WHEN OLD.acl <> NEW.acl OR OLD.key <> NEW.key BEGIN
  ${WITHOUT_OLD}
  INSERT OR REPLACE INTO acl_grants ${GRANTS_OF("NEW")};
END;
CREATE TRIGGER grants_of_gone AFTER DELETE ON mailboxes BEGIN
  ${WITHOUT_OLD}
END;
`;

/** Where tombstones are: expiry must not read every chunk there is. */
const VERSION_4 = `
CREATE INDEX IF NOT EXISTS dead_chunks ON hot_chunks (key) WHERE dead > 0;
`;

/** Step n takes a database of version n to n + 1. Steps stay for ever, so that any old folder opens. */
const STEPS: readonly string[] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4];

/** What `acl_grants` has to hold. */
export const EXPECTED_GRANTS = GRANTS_OF("mailboxes").replace("FROM json_each", "FROM mailboxes, json_each");

/** Creates or upgrades the tables, in one transaction. @throws StoreError disk_failed for a newer format */
export function upgradeSchema(
  database: Database.Database,
  steps = STEPS,
): { readonly from: number; readonly to: number } {
  const from = database.pragma("user_version", { simple: true }) as number;
  if (from > steps.length) {
    throw new StoreError(
      "disk_failed",
      `the data folder has format ${from}, this program knows up to ${steps.length}: install the newer version`,
    );
  }
  if (from === steps.length) return { from, to: from };
  database.transaction(() => {
    for (const step of steps.slice(from)) database.exec(step);
    database.pragma(`application_id = ${APPLICATION_ID}`);
    database.pragma(`user_version = ${steps.length}`);
  })();
  return { from, to: steps.length };
}

/** Range of rows that belong to a mailbox in tables keyed by mailbox id * 2^32 + number. */
export const KEY_SPAN = 2 ** 32;
export function rowKey(mailbox: number, number: number): number {
  return mailbox * KEY_SPAN + number;
}

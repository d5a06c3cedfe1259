/** The header of a mailbox as commits and the index have it: numbers that change all the time, and the rest. */
import type { Acl, MailboxId, MailboxName, MailboxOption, MailboxType, SpecialUse } from "./model.ts";

/** Header values that commits change all the time, in the order in which deltas pack them. */
export const NUMBER_FIELDS = [
  "commit",
  "uidValidity",
  "lastUid",
  "highestModseq",
  "createdModseq",
  "folderModseq",
  "deletedModseq",
  "lastAppendDate",
  "recentUid",
  "recentTime",
  "pop3LastLogin",
  "pop3ShowAfter",
  "xconvModseq",
  "raclModseq",
  "syncCrc",
  "syncCrcAnnot",
  "exists",
  "unseen",
  "flaggedDeleted",
  "sizeBytes",
  "annotations",
  "createdAt",
  "quarantined",
] as const;
export type NumberField = (typeof NUMBER_FIELDS)[number];
export type HeaderNumbers = Record<NumberField, number>;

/** Their columns in table mailboxes. */
export const NUMBER_COLUMNS: readonly string[] = [
  '"commit"',
  "uid_validity",
  "last_uid",
  "highest_modseq",
  "created_modseq",
  "folder_modseq",
  "deleted_modseq",
  "last_append_date",
  "recent_uid",
  "recent_time",
  "pop3_last_login",
  "pop3_show_after",
  "xconv_modseq",
  "racl_modseq",
  "sync_crc",
  "sync_crc_annot",
  "exists_count",
  "unseen",
  "flagged_deleted",
  "size_bytes",
  "annotations",
  "created_at",
  "quarantined",
];

/** Header values that change seldom. */
export interface HeaderStatics {
  readonly id: MailboxId;
  readonly name: MailboxName;
  readonly uniqueId: string;
  readonly type: MailboxType;
  readonly intermediate: boolean;
  readonly partition: string;
  readonly acl: Acl;
  readonly specialUse: readonly SpecialUse[];
  readonly options: readonly MailboxOption[];
  readonly quotaRoot: MailboxName | undefined;
  readonly keywords: readonly string[];
}

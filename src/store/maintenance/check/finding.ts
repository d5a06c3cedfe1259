/** What a check finds, and what a repair would do about it. Plain values: they cross a thread and a socket. */
import type { Acl, MailboxId, MailboxName, SpecialUse } from "../../model.ts";

export type FindingKind =
  | "index_damaged"
  | "header_unreadable"
  | "name_invalid"
  | "acl_invalid"
  | "special_use_twice"
  | "quarantined"
  | "chunk_unreadable"
  | "record_order"
  | "counters_wrong"
  | "crc_wrong"
  | "body_missing"
  | "body_damaged"
  | "body_orphaned"
  | "body_references_wrong"
  | "summary_wrong"
  | "segment_missing"
  | "segment_short"
  | "segment_account_wrong"
  | "file_unknown"
  | "file_put_aside"
  | "rows_orphaned"
  | "quota_wrong"
  | "quota_root_wrong"
  | "grants_wrong"
  | "feed_broken";

export interface Finding {
  readonly kind: FindingKind;
  /** A sentence for people. */
  readonly text: string;
  readonly mailbox?: MailboxName;
  readonly uid?: number;
  readonly guid?: string;
  /** What `--repair` does about it; undefined = nothing can be done here. */
  readonly repair?: string;
}

export interface MailboxRepair {
  readonly mailbox: MailboxId;
  /** Chunks that cannot be read. */
  readonly chunks: number[];
  /** Records without a body. */
  readonly lost: number[];
}

export interface RepairPlan {
  readonly mailboxes: Map<MailboxId, MailboxRepair>;
  /** Rows of bodies that are gone or damaged. */
  readonly removeBodies: number[];
  /** Records whose body is damaged and can be read: kept as a message of its own. */
  readonly damaged: { readonly mailbox: MailboxId; readonly uid: number; readonly body: number }[];
  /** Bodies that no record has: filed where they were. */
  readonly salvage: number[];
  readonly adjustBodies: { readonly body: number; readonly by: number }[];
  readonly rebuildSummaries: number[];
  readonly adjustSegments: { readonly segment: number; readonly by: number }[];
  readonly quotas: MailboxName[];
  readonly acls: { readonly mailbox: MailboxId; readonly acl: Acl }[];
  readonly specialUses: { readonly mailbox: MailboxId; readonly specialUse: readonly SpecialUse[] }[];
  removeOrphans: boolean;
  rebuildGrants: boolean;
  resetFeed: boolean;
}

export function emptyPlan(): RepairPlan {
  return {
    mailboxes: new Map(),
    removeBodies: [],
    damaged: [],
    salvage: [],
    adjustBodies: [],
    rebuildSummaries: [],
    adjustSegments: [],
    quotas: [],
    acls: [],
    specialUses: [],
    removeOrphans: false,
    rebuildGrants: false,
    resetFeed: false,
  };
}

export function mailboxRepair(plan: RepairPlan, mailbox: MailboxId): MailboxRepair {
  let repair = plan.mailboxes.get(mailbox);
  if (repair === undefined) {
    repair = { mailbox, chunks: [], lost: [] };
    plan.mailboxes.set(mailbox, repair);
  }
  return repair;
}

export type CheckEvent =
  | { readonly kind: "finding"; readonly finding: Finding }
  | { readonly kind: "progress"; readonly what: string; readonly done: number; readonly total: number };

/** A part of the check: yields what it finds, adds to the plan what would mend it. */
export type Check = Generator<CheckEvent, void>;

export function found(finding: Finding): CheckEvent {
  return { kind: "finding", finding };
}

export function progress(what: string, done: number, total: number): CheckEvent {
  return { kind: "progress", what, done, total };
}

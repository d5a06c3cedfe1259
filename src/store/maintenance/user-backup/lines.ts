/** What the JSON frames of a user's backup say, in this order: user, quota; each mailbox, its records, its end; the rest. */
import type { Mailbox, MailboxName, MessageRecord, QuotaRoot, SeenState, UserId } from "../../model.ts";

export interface SavedAnnotation {
  readonly entry: string;
  readonly userId: UserId;
  readonly modseq: number;
  readonly base64: string;
}

export interface SavedRecord extends Omit<MessageRecord, "annotations"> {
  readonly annotations: readonly SavedAnnotation[];
}

export type BackupLine =
  | { readonly kind: "user"; readonly user: UserId; readonly takenAt: string }
  | {
      readonly kind: "quota";
      readonly root: MailboxName;
      readonly limits: Partial<
        Pick<QuotaRoot, "storageLimitBytes" | "messageLimit" | "annotationStorageLimitBytes" | "mailboxLimit">
      >;
    }
  | {
      readonly kind: "mailbox";
      readonly mailbox: Pick<
        Mailbox,
        "name" | "uniqueId" | "type" | "uidValidity" | "acl" | "specialUse" | "options"
      >;
    }
  | { readonly kind: "records"; readonly records: readonly SavedRecord[] }
  | {
      readonly kind: "mailboxEnd";
      readonly numbers: Pick<
        Mailbox,
        | "lastUid"
        | "highestModseq"
        | "createdModseq"
        | "folderModseq"
        | "deletedModseq"
        | "lastAppendDate"
        | "recentUid"
        | "recentTime"
        | "pop3LastLogin"
        | "pop3ShowAfter"
        | "xconvModseq"
        | "raclModseq"
      >;
      readonly annotations: readonly SavedAnnotation[];
    }
  | { readonly kind: "subscriptions"; readonly names: readonly MailboxName[] }
  | { readonly kind: "seen"; readonly state: SeenState };

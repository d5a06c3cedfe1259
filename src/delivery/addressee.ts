import type { MailboxName, UserId } from "../store/model.ts";

/** An accepted envelope recipient. */
export interface Addressee {
  /** As the client gave it. */
  readonly address: string;
  /** Several for an alias or a group. */
  readonly places: readonly Place[];
  /** Delivered although over quota (the sending MTA asked for it and may). */
  readonly ignoreQuota: boolean;
}

/** Where a copy goes when nothing says otherwise. */
export interface Place {
  /** "" = a shared folder. */
  readonly userId: UserId;
  /** What filing falls back to when the folder is gone by then. */
  readonly inbox: MailboxName;
  readonly mailbox: MailboxName;
  readonly detail: string | undefined;
}

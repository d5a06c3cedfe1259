/** Tells a sender who asked for it that his mail was read (S2.57). Implementations never let a failure reach the reader. */
import type { Account, MailCollection } from "../../account/port.ts";

export interface ReadReceipts {
  /** The device marked a message as read. Returns at once. */
  wasRead(collection: MailCollection, uid: number, account: Account): void;
}

/** What a replica answers when it does not do what it was told (Cyrus 3.6.1, observed). */

export type RefusalCode =
  | "mailbox_missing"
  | "mailbox_moved"
  | "mailbox_locked"
  | "checksum"
  | "changed"
  | "not_authenticated"
  /** It speaks something else on that port. */
  | "wrong_transport"
  | "other";

/** The first word of the text, as the Cyrus client matches it. */
const CODES: Readonly<Record<string, RefusalCode>> = {
  IMAP_MAILBOX_NONEXISTENT: "mailbox_missing",
  IMAP_MAILBOX_MOVED: "mailbox_moved",
  IMAP_MAILBOX_LOCKED: "mailbox_locked",
  IMAP_SYNC_CHECKSUM: "checksum",
  IMAP_SYNC_CHANGED: "changed",
};

/** NO or BAD: the connection can be used further. */
export class ReplicaRefusal extends Error {
  override name = "ReplicaRefusal";
  readonly code: RefusalCode;
  constructor(command: string, reply: string, code?: RefusalCode) {
    super(`the replica refused ${command}: ${reply}`);
    this.code = code ?? CODES[reply.split(" ", 2)[1] ?? ""] ?? "other";
  }
}

/** The connection is gone, or cannot be followed any further: try again later. */
export class ReplicaLost extends Error {
  override name = "ReplicaLost";
}

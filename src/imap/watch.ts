/** NOTIFY (RFC 5465) as the session and the selected mailbox see it; `notify/` implements it. */

/** Which changes of the selected mailbox the client wants to hear of (RFC 5465 §3.1, §6.1). */
export interface MessageEvents {
  readonly appended: boolean;
  readonly expunged: boolean;
  readonly changed: boolean;
}

/** NOTIFY as the session sees it. */
export interface SessionWatch {
  readonly messageEvents: MessageEvents | undefined;
  selectionChanged(): void;
  /** Writes what waits to be told of other mailboxes; a promise while it needs time. */
  tell(): Promise<void> | undefined;
  stop(): void;
}

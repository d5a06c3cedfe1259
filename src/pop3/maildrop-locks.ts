import type { MailboxId } from "../store/model.ts";

/** RFC 1939 §4: one session at a time has a maildrop. One process owns a data folder, so memory is enough. */
export class MaildropLocks {
  readonly #taken = new Set<MailboxId>();

  /** False when another session has it. */
  take(mailbox: MailboxId): boolean {
    if (this.#taken.has(mailbox)) return false;
    this.#taken.add(mailbox);
    return true;
  }

  release(mailbox: MailboxId): void {
    this.#taken.delete(mailbox);
  }
}

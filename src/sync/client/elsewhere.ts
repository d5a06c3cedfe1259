/**
 * Where the replica may have a message already: in its staging area, which keeps what was uploaded and what RESERVE found
 * until RESTART, or in some of its mailboxes, where RESERVE looks (Cyrus 3.6.1, observed).
 */
import type { Guid, MailboxName } from "../../store/model.ts";

/** Mailboxes that one RESERVE names. */
const MAX_MAILBOXES = 64;
/** A replica bounds what it stages (Rookery: 131,072 messages and 4 GiB); far below it the area is emptied. */
const MAX_STAGED_MESSAGES = 65_536;
const MAX_STAGED_BYTES = 1024 * 1024 * 1024;

export class Elsewhere {
  #mailboxes: readonly MailboxName[];
  readonly #staged = new Set<string>();
  #stagedBytes = 0;
  /** Their messages are staged. */
  readonly #sent: MailboxName[] = [];

  /** `mailboxes` of the replica that have messages. */
  constructor(mailboxes: readonly MailboxName[] = []) {
    this.#mailboxes = mailboxes.slice(0, MAX_MAILBOXES);
  }

  /** To be asked about what is not staged. */
  get mailboxes(): readonly MailboxName[] {
    return this.#mailboxes;
  }

  /** Staged for one partition. */
  isStaged(partition: string, guid: Guid): boolean {
    return this.#staged.has(`${partition} ${guid}`);
  }

  stage(partition: string, guid: Guid, sizeBytes: number): void {
    this.#staged.add(`${partition} ${guid}`);
    this.#stagedBytes += sizeBytes;
  }

  /** Time for RESTART. */
  get isFull(): boolean {
    return this.#staged.size >= MAX_STAGED_MESSAGES || this.#stagedBytes >= MAX_STAGED_BYTES;
  }

  /** The mailbox went to the replica. */
  sent(name: MailboxName): void {
    this.#sent.push(name);
    if (this.#sent.length > MAX_MAILBOXES) this.#sent.shift();
  }

  /** RESTART was sent: mailboxes are asked about instead, the youngest copies being the likeliest. */
  restarted(): void {
    this.#staged.clear();
    this.#stagedBytes = 0;
    const names = new Set([...this.#sent.splice(0).reverse(), ...this.#mailboxes]);
    this.#mailboxes = [...names].slice(0, MAX_MAILBOXES);
  }
}

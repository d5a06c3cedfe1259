/**
 * The maildrop of a session (RFC 1939 §5): the messages of an INBOX as they were at login. What comes later is not seen,
 * what another client expunges keeps its number. Nothing is removed before QUIT.
 */
import { toUid, type Uid } from "../base/numbers.ts";
import type { Mailbox } from "../store/model.ts";
import type { MailboxView } from "../store/port.ts";

export class Maildrop {
  readonly mailbox: Mailbox;
  readonly count: number;
  readonly #uids: Uint32Array;
  readonly #sizes: Float64Array;
  readonly #deleted: Uint8Array;
  readonly #totalBytes: number;
  #liveCount: number;
  #liveBytes: number;

  /** Copies what it needs of the view: 12 bytes a message. */
  constructor(view: MailboxView) {
    this.mailbox = view.mailbox;
    // Messages older than this are hidden from POP3 (annotation pop3showafter).
    const showAfter = view.mailbox.pop3ShowAfter;
    if (showAfter === 0) {
      this.#uids = view.uids.slice(0, view.count);
      this.#sizes = view.sizes.slice(0, view.count);
    } else {
      const shown = Array.from({ length: view.count }, (_, index) => index).filter(
        (index) => (view.internalDates[index] ?? 0) >= showAfter,
      );
      this.#uids = Uint32Array.from(shown, (index) => view.uids[index] ?? 0);
      this.#sizes = Float64Array.from(shown, (index) => view.sizes[index] ?? 0);
    }
    this.count = this.#uids.length;
    this.#deleted = new Uint8Array(this.count);
    let total = 0;
    for (const size of this.#sizes) total += size;
    this.#totalBytes = total;
    this.#liveCount = this.count;
    this.#liveBytes = total;
  }

  /** Messages not marked as deleted. */
  get liveCount(): number {
    return this.#liveCount;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Numbers count from 1; false also for those that are not there. */
  has(number: number): boolean {
    return number >= 1 && number <= this.count && this.#deleted[number - 1] === 0;
  }

  uid(number: number): Uid {
    return toUid(this.#uids[number - 1] ?? 0);
  }

  sizeBytes(number: number): number {
    return this.#sizes[number - 1] ?? 0;
  }

  /**
   * Cyrus 3.6: `uidvalidity.uid`, or the uid alone in mailboxes without the option. Both travel with the mailbox when
   * it moves or is replicated, so that no client fetches its mail twice.
   */
  uniqueId(number: number): string {
    const uid = this.#uids[number - 1] ?? 0;
    return this.mailbox.options.includes("pop3NewUidl") ? `${this.mailbox.uidValidity}.${uid}` : String(uid);
  }

  delete(number: number): void {
    this.#deleted[number - 1] = 1;
    this.#liveCount -= 1;
    this.#liveBytes -= this.sizeBytes(number);
  }

  reset(): void {
    this.#deleted.fill(0);
    this.#liveCount = this.count;
    this.#liveBytes = this.#totalBytes;
  }

  deletedUids(): Uid[] {
    const uids: Uid[] = [];
    if (this.#liveCount === this.count) return uids;
    for (let number = 1; number <= this.count; number += 1) {
      if (this.#deleted[number - 1] === 1) uids.push(this.uid(number));
    }
    return uids;
  }
}

/**
 * Text search over message content: what IMAP's SEARCH TEXT, BODY and HEADER ask for. `text-index.ts` implements it,
 * main/ hands it to imap/.
 *
 * Promises: results equal a scan of every message's decoded text (src/mime/searchable-text.ts): what the index does not know
 * yet, or can not answer, is read and scanned. No call works on the caller's thread for longer than 10 ms at a stretch.
 */
import type { Uid } from "../base/numbers.ts";
import type { MailboxId } from "../store/model.ts";
import type { Store } from "../store/port.ts";

export interface TextQuery {
  /** RFC 9051 §6.4.4: TEXT = header or body; BODY = body; HEADER = one field. */
  readonly kind: "text" | "body" | "header";
  /** Of "header": name of the field, any case. */
  readonly field?: string;
  /** Unicode (the session converts from the client's charset). "" matches every message (every one with the field). */
  readonly value: string;
}

export interface TextSearch {
  /** Those of `uids` whose message matches. UIDs that vanish meanwhile are left out. */
  search(mailbox: MailboxId, uids: readonly Uid[], query: TextQuery): Promise<ReadonlySet<Uid>>;
  /** What the index alone says: fast, never reads a message. */
  candidates(mailbox: MailboxId, query: TextQuery): Promise<Candidates>;
}

export interface Candidates {
  /** Ascending. No message up to `indexedTo` outside of this list matches. */
  readonly uids: Uint32Array;
  /** True when every one of `uids` matches; false when each has to be read to know. */
  readonly exact: boolean;
  /** Highest UID the index has seen; messages above have to be scanned. 0 = nothing indexed. */
  readonly indexedTo: number;
}

/** What the index needs of the store. */
export type IndexSource = Pick<Store, "mailboxes" | "feed" | "open" | "readBodies">;

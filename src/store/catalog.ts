/** The list of mailboxes: headers in use are kept in memory and follow the commits, the others come from the index. */
import { Lru } from "../base/lru.ts";
import { StoreError } from "./errors.ts";
import {
  mailboxFromRow,
  toMailbox,
  unpackNumbers,
  type KnownMailbox,
  type MailboxRow,
} from "./mailbox-row.ts";
import type { Mailbox, MailboxId, MailboxName, MailboxTombstone, MailboxType, UserId } from "./model.ts";
import type { Modseq } from "../base/numbers.ts";
import { childKeyRange, inboxOf, nameOfSortKey, sortKey } from "./names.ts";
import type { CommitDelta } from "./operations.ts";
import type { MailboxCatalog } from "./port.ts";
import type { ReadIndex } from "./read-index.ts";

const MAX_HEADERS = 50_000;
/** Rows fetched at a time when listing; the iterator holds no cursor between them. */
const PAGE_ROWS = 200;
/** Above every character that names may have. */
const ABOVE_ALL = "\uffff";

export class Catalog implements MailboxCatalog {
  readonly #index: ReadIndex;
  readonly #headers: Lru<MailboxId, KnownMailbox>;
  readonly #idsByName = new Map<MailboxName, MailboxId>();

  constructor(index: ReadIndex) {
    this.#index = index;
    this.#headers = new Lru({
      maxEntries: MAX_HEADERS,
      onEvict: ({ id, name }) => {
        if (this.#idsByName.get(name) === id) this.#idsByName.delete(name);
      },
    });
  }

  #remember(mailbox: KnownMailbox): KnownMailbox {
    this.#headers.set(mailbox.id, mailbox);
    this.#idsByName.set(mailbox.name, mailbox.id);
    return mailbox;
  }

  #fromRow(row: MailboxRow | undefined): KnownMailbox | undefined {
    if (row === undefined) return undefined;
    const known = this.#headers.peek(row["id"] as number);
    if (known !== undefined && known.commit >= (row["commit"] as number)) return known;
    const { statics, numbers } = mailboxFromRow(row);
    return this.#remember(toMailbox(statics, numbers));
  }

  find(name: MailboxName): KnownMailbox | undefined {
    const id = this.#idsByName.get(name);
    if (id !== undefined) return this.#headers.get(id);
    const row = this.#index.sql("SELECT * FROM mailboxes WHERE key = ?").get(sortKey(name));
    return this.#fromRow(row as MailboxRow | undefined);
  }

  get(name: MailboxName): KnownMailbox {
    const mailbox = this.find(name);
    if (mailbox === undefined || mailbox.intermediate) {
      throw new StoreError("mailbox_not_found", `mailbox ${JSON.stringify(name)} does not exist`);
    }
    return mailbox;
  }

  byId(id: MailboxId): KnownMailbox | undefined {
    const known = this.#headers.get(id);
    if (known !== undefined) return known;
    const row = this.#index.sql("SELECT * FROM mailboxes WHERE id = ?").get(id);
    return this.#fromRow(row as MailboxRow | undefined);
  }

  /** @throws StoreError mailbox_not_found */
  getById(id: MailboxId): KnownMailbox {
    const mailbox = this.byId(id);
    if (mailbox === undefined) throw new StoreError("mailbox_not_found", `mailbox ${id} does not exist`);
    return mailbox;
  }

  byUniqueId(uniqueId: string): KnownMailbox | undefined {
    const row = this.#index.sql("SELECT * FROM mailboxes WHERE unique_id = ?").get(uniqueId);
    return this.#fromRow(row as MailboxRow | undefined);
  }

  /** By sort key, from `from` to below `to`. */
  *range(from: string, to: string): Generator<Mailbox> {
    const page = this.#index.sql(
      `SELECT * FROM mailboxes WHERE key >= ? AND key < ? ORDER BY key LIMIT ${PAGE_ROWS}`,
    );
    for (let start = from; ;) {
      const rows = page.all(start, to) as MailboxRow[];
      for (const row of rows) {
        const mailbox = this.#fromRow(row);
        if (mailbox !== undefined) yield mailbox;
      }
      if (rows.length < PAGE_ROWS) return;
      // The least key above the last one.
      start = `${rows.at(-1)!["key"] as string}\0`;
    }
  }

  list(prefix: MailboxName): Iterable<Mailbox> {
    const key = sortKey(prefix);
    return this.range(key, key + ABOVE_ALL);
  }

  *sharedWith(identifiers: readonly string[]): Generator<Mailbox> {
    const page = this.#index.sql(
      `SELECT DISTINCT key, mailbox FROM acl_grants
       WHERE identifier IN (SELECT value FROM json_each(?)) AND key > ? ORDER BY key LIMIT ${PAGE_ROWS}`,
    );
    const wanted = JSON.stringify(identifiers);
    for (let after = ""; ;) {
      const rows = page.all(wanted, after) as { key: string; mailbox: MailboxId }[];
      for (const row of rows) {
        const mailbox = this.byId(row.mailbox);
        if (mailbox !== undefined) yield mailbox;
      }
      if (rows.length < PAGE_ROWS) return;
      after = rows.at(-1)!.key;
    }
  }

  *ofUser(user: UserId): Generator<Mailbox> {
    const inbox = inboxOf(user);
    const own = this.find(inbox);
    if (own !== undefined) yield own;
    const { from, to } = childKeyRange(inbox);
    yield* this.range(from, to);
  }

  hasChildren(name: MailboxName): boolean {
    const { from, to } = childKeyRange(name);
    return (
      this.#index.sql("SELECT 1 FROM mailboxes WHERE key >= ? AND key < ? LIMIT 1").get(from, to) !==
      undefined
    );
  }

  *tombstones(prefix: MailboxName): Generator<MailboxTombstone> {
    const key = sortKey(prefix);
    const page = this.#index.sql(
      `SELECT * FROM tombstones WHERE (key, unique_id) > (?, ?) AND key < ? ORDER BY key, unique_id LIMIT ${PAGE_ROWS}`,
    );
    for (let last = { key, unique_id: "" }; ;) {
      const rows = page.all(last.key, last.unique_id, key + ABOVE_ALL) as TombstoneRow[];
      for (const row of rows) {
        yield {
          name: nameOfSortKey(row.key),
          uniqueId: row.unique_id,
          type: row.type,
          uidValidity: row.uid_validity,
          foldermodseq: row.folder_modseq as Modseq,
          deletedAt: row.deleted_at,
        };
      }
      if (rows.length < PAGE_ROWS) return;
      last = rows.at(-1)!;
    }
  }

  /** The next question is answered from the index. */
  forget(id: MailboxId): void {
    this.#headers.delete(id);
  }

  /**
   * Shows a commit. Returns the mailbox after it; undefined when nobody has it in memory and `isNeeded` is false.
   */
  apply(delta: CommitDelta, isNeeded: boolean, fallback: KnownMailbox | undefined): KnownMailbox | undefined {
    const known = this.#headers.peek(delta.id);
    const mailbox = this.#after(delta, known ?? fallback, isNeeded);
    if (delta.deleted) this.#headers.delete(delta.id);
    else if (known !== undefined && mailbox !== undefined && mailbox !== known) {
      // Taking the place in the cache, but not as if somebody had asked for it.
      this.#headers.delete(delta.id);
      this.#remember(mailbox);
    }
    return mailbox;
  }

  #after(delta: CommitDelta, known: KnownMailbox | undefined, isNeeded: boolean): KnownMailbox | undefined {
    // Read from the index after this commit: it shows it already.
    if (known !== undefined && known.commit >= delta.numbers[0]!) return known;
    const statics = delta.statics ?? known;
    if (statics !== undefined) return toMailbox(statics, unpackNumbers(delta.numbers));
    return isNeeded ? this.byId(delta.id) : undefined;
  }
}

interface TombstoneRow {
  readonly key: string;
  readonly unique_id: string;
  readonly type: MailboxType;
  readonly uid_validity: number;
  readonly folder_modseq: number;
  readonly deleted_at: number;
}

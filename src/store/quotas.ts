import type { Modseq } from "../base/numbers.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { MailboxName, QuotaRoot } from "./model.ts";
import { nameOfSortKey, parentOf, sortKey } from "./names.ts";
import type { Quotas, WriteOptions } from "./port.ts";
import type { ReadIndex } from "./read-index.ts";
import type { WriteGate } from "./write-gate.ts";

interface QuotaRow {
  readonly key: string;
  readonly modseq: number;
  readonly storage_limit: number | null;
  readonly message_limit: number | null;
  readonly annotation_limit: number | null;
  readonly mailbox_limit: number | null;
  readonly storage_used: number;
  readonly messages_used: number;
  readonly annotation_used: number;
  readonly mailboxes_used: number;
}

function fromRow(row: QuotaRow): QuotaRoot {
  return {
    root: nameOfSortKey(row.key),
    modseq: row.modseq as Modseq,
    storageLimitBytes: row.storage_limit ?? undefined,
    messageLimit: row.message_limit ?? undefined,
    annotationStorageLimitBytes: row.annotation_limit ?? undefined,
    mailboxLimit: row.mailbox_limit ?? undefined,
    storageUsedBytes: row.storage_used,
    messagesUsed: row.messages_used,
    annotationStorageUsedBytes: row.annotation_used,
    mailboxesUsed: row.mailboxes_used,
  };
}

const PAGE_ROWS = 200;

export class StoredQuotas implements Quotas {
  readonly #index: ReadIndex;
  readonly #queue: CommitQueue;
  readonly #gate: WriteGate;

  constructor(index: ReadIndex, queue: CommitQueue, gate: WriteGate) {
    this.#index = index;
    this.#queue = queue;
    this.#gate = gate;
  }

  get(root: MailboxName): QuotaRoot | undefined {
    const row = this.#index.sql("SELECT * FROM quota_roots WHERE key = ?").get(sortKey(root));
    return row === undefined ? undefined : fromRow(row as QuotaRow);
  }

  rootOf(name: MailboxName): QuotaRoot | undefined {
    for (let at: MailboxName | undefined = name; at !== undefined; at = parentOf(at)) {
      const root = this.get(at);
      if (root !== undefined) return root;
    }
    return undefined;
  }

  *list(prefix: MailboxName): Generator<QuotaRoot> {
    const key = sortKey(prefix);
    const page = this.#index.sql(
      `SELECT * FROM quota_roots WHERE key >= ? AND key < ? ORDER BY key LIMIT ${PAGE_ROWS}`,
    );
    for (let start = key; ;) {
      const rows = page.all(start, `${key}\uffff`) as QuotaRow[];
      for (const row of rows) yield fromRow(row);
      if (rows.length < PAGE_ROWS) return;
      start = `${rows.at(-1)!.key}\0`;
    }
  }

  async set(root: MailboxName, limits: Parameters<Quotas["set"]>[1], options?: WriteOptions): Promise<void> {
    this.#gate.checkName(root, options);
    await this.#queue.run("setQuota", { root, limits });
  }

  async remove(root: MailboxName, options?: WriteOptions): Promise<void> {
    this.#gate.checkName(root, options);
    await this.#queue.run("removeQuota", { root });
  }

  /** Counts the usage of a root anew. */
  async recount(root: MailboxName): Promise<void> {
    this.#gate.checkName(root);
    await this.#queue.run("recountQuota", { root });
  }
}

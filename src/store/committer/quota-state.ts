/** Usage of quota roots in the batch: read once, written once. */
import { StoreError } from "../errors.ts";
import type { MailboxName } from "../model.ts";
import { sortKey } from "../names.ts";
import type { WriteIndex } from "./write-index.ts";

interface QuotaRow {
  key: string;
  modseq: number;
  storage_limit: number | null;
  message_limit: number | null;
  annotation_limit: number | null;
  mailbox_limit: number | null;
  storage_used: number;
  messages_used: number;
  annotation_used: number;
  mailboxes_used: number;
  isDirty: boolean;
}

export interface Usage {
  readonly bytes?: number;
  readonly messages?: number;
  readonly annotationBytes?: number;
  readonly mailboxes?: number;
}

export class QuotaState {
  readonly #index: WriteIndex;
  readonly #rows = new Map<MailboxName, QuotaRow | undefined>();

  constructor(index: WriteIndex) {
    this.#index = index;
  }

  #row(root: MailboxName): QuotaRow | undefined {
    if (this.#rows.has(root)) return this.#rows.get(root);
    const row = this.#index.sql("SELECT * FROM quota_roots WHERE key = ?").get(sortKey(root)) as
      | QuotaRow
      | undefined;
    if (row !== undefined) row.isDirty = false;
    this.#rows.set(root, row);
    return row;
  }

  has(root: MailboxName): boolean {
    return this.#row(root) !== undefined;
  }

  /** @throws StoreError over_quota, with nothing counted */
  check(root: MailboxName | undefined, more: Usage): void {
    const row = root === undefined ? undefined : this.#row(root);
    if (row === undefined) return;
    const over = (limit: number | null, used: number, added: number | undefined) =>
      limit !== null && added !== undefined && added > 0 && used + added > limit;
    const what = over(row.storage_limit, row.storage_used, more.bytes)
      ? "storage"
      : over(row.message_limit, row.messages_used, more.messages)
        ? "messages"
        : over(row.annotation_limit, row.annotation_used, more.annotationBytes)
          ? "annotations"
          : over(row.mailbox_limit, row.mailboxes_used, more.mailboxes)
            ? "mailboxes"
            : undefined;
    if (what !== undefined)
      throw new StoreError("over_quota", `quota root ${root} is over its limit of ${what}`);
  }

  count(root: MailboxName | undefined, change: Usage, by: 1 | -1 = 1): void {
    const row = root === undefined ? undefined : this.#row(root);
    if (row === undefined) return;
    row.storage_used += by * (change.bytes ?? 0);
    row.messages_used += by * (change.messages ?? 0);
    row.annotation_used += by * (change.annotationBytes ?? 0);
    row.mailboxes_used += by * (change.mailboxes ?? 0);
    row.isDirty = true;
  }

  /** Gives a root the usage that a recount found. */
  set(root: MailboxName, usage: Required<Usage>): void {
    const row = this.#row(root);
    if (row === undefined) return;
    row.storage_used = usage.bytes;
    row.messages_used = usage.messages;
    row.annotation_used = usage.annotationBytes;
    row.mailboxes_used = usage.mailboxes;
    row.isDirty = true;
  }

  /** Forgets what it read, after a statement changed rows behind it. Call `flush` before. */
  forget(): void {
    this.#rows.clear();
  }

  flush(): void {
    for (const row of this.#rows.values()) {
      if (row === undefined || !row.isDirty) continue;
      row.isDirty = false;
      this.#index
        .sql(
          `UPDATE quota_roots SET storage_used = ?, messages_used = ?, annotation_used = ?, mailboxes_used = ?
           WHERE key = ?`,
        )
        .run(row.storage_used, row.messages_used, row.annotation_used, row.mailboxes_used, row.key);
    }
  }
}

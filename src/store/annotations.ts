import type { Modseq } from "../base/numbers.ts";
import type { Catalog } from "./catalog.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { MailboxAnnotation, MailboxId, MailboxName, MessageAnnotation, UserId } from "./model.ts";
import type { AnnotationChange, Annotations, WriteOptions } from "./port.ts";
import type { ReadIndex } from "./read-index.ts";
import type { WriteGate } from "./write-gate.ts";

/** Server annotations stand under this mailbox number. */
const SERVER = 0;

interface AnnotationRow {
  readonly entry: string;
  readonly user_id: string;
  readonly modseq: number;
  readonly value: Buffer;
}

function fromRow(row: AnnotationRow): MessageAnnotation {
  return { entry: row.entry, userId: row.user_id, modseq: row.modseq as Modseq, value: row.value };
}

/** Annotations of messages `from`..`to`, by UID. */
export function annotationsOfRange(
  index: ReadIndex,
  id: MailboxId,
  from: number,
  to: number,
): Map<number, MessageAnnotation[]> {
  const rows = index
    .sql(
      `SELECT uid, entry, user_id, modseq, value FROM message_annotations
       WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid, entry, user_id`,
    )
    .all(id, from, to) as (AnnotationRow & { readonly uid: number })[];
  const found = new Map<number, MessageAnnotation[]>();
  for (const row of rows) {
    const others = found.get(row.uid);
    if (others === undefined) found.set(row.uid, [fromRow(row)]);
    else others.push(fromRow(row));
  }
  return found;
}

export class StoredAnnotations implements Annotations {
  readonly #index: ReadIndex;
  readonly #queue: CommitQueue;
  readonly #catalog: Catalog;
  readonly #gate: WriteGate;

  constructor(index: ReadIndex, queue: CommitQueue, catalog: Catalog, gate: WriteGate) {
    this.#index = index;
    this.#queue = queue;
    this.#catalog = catalog;
    this.#gate = gate;
  }

  #idOf(mailbox: MailboxName): MailboxId | undefined {
    return mailbox === "" ? SERVER : this.#catalog.find(mailbox)?.id;
  }

  list(mailbox: MailboxName, userId: UserId): MailboxAnnotation[] {
    const id = this.#idOf(mailbox);
    if (id === undefined) return [];
    const rows = this.#index
      .sql(
        `SELECT entry, user_id, modseq, value FROM mailbox_annotations
         WHERE mailbox = ? AND user_id IN ('', ?) ORDER BY entry, user_id`,
      )
      .all(id, userId) as AnnotationRow[];
    return rows.map((row) => ({ mailbox, ...fromRow(row) }));
  }

  all(mailbox: MailboxName): MailboxAnnotation[] {
    const id = this.#idOf(mailbox);
    if (id === undefined) return [];
    const rows = this.#index
      .sql(
        `SELECT entry, user_id, modseq, value FROM mailbox_annotations
         WHERE mailbox = ? ORDER BY entry, user_id`,
      )
      .all(id) as AnnotationRow[];
    return rows.map((row) => ({ mailbox, ...fromRow(row) }));
  }

  async set(
    mailbox: MailboxName,
    changes: readonly AnnotationChange[],
    options?: WriteOptions,
  ): Promise<void> {
    // A user's own annotation of the server is his, whoever is master of what is nobody's.
    if (mailbox === "") for (const { userId } of changes) this.#gate.checkUser(userId, options);
    else this.#gate.checkName(mailbox, options);
    await this.#queue.run("setAnnotations", { name: mailbox, changes: copyValues(changes) });
  }

  ofMessage(id: MailboxId, uid: number): readonly MessageAnnotation[] {
    if (this.#catalog.byId(id)?.annotations === 0) return [];
    return annotationsOfRange(this.#index, id, uid, uid).get(uid) ?? [];
  }
}

/** Without the pools behind their buffers, which would be cloned along to the committer's thread. */
export function copyValues(changes: readonly AnnotationChange[]): AnnotationChange[] {
  return changes.map(({ entry, userId, value }) => ({
    entry,
    userId,
    value: value === undefined ? undefined : exactBuffer(value),
  }));
}

export function exactBuffer(bytes: Uint8Array): Buffer {
  if (bytes.length === bytes.buffer.byteLength) return Buffer.from(bytes.buffer);
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

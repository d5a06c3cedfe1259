/** Annotations of messages inside a batch: rows, counters, the annotation CRC and the quota stay in step. */
import { StoreError } from "../errors.ts";
import { SystemFlag } from "../model.ts";
import type { AnnotationChange } from "../port.ts";
import { annotationCrc } from "../sync-crc.ts";
import type { Batch } from "./batch.ts";
import type { MailboxState } from "./mailbox-state.ts";

/** Bytes of one value. */
export const MAX_ANNOTATION_BYTES = 65_536;

export interface AnnotationRow {
  readonly entry: string;
  readonly user_id: string;
  readonly modseq: number;
  readonly value: Buffer;
}

export function annotationsOf(batch: Batch, state: MailboxState, uid: number): AnnotationRow[] {
  if (state.numbers.annotations === 0) return [];
  return batch.index
    .sql("SELECT entry, user_id, modseq, value FROM message_annotations WHERE mailbox = ? AND uid = ?")
    .all(state.id, uid) as AnnotationRow[];
}

/** @throws StoreError annotation_too_big, annotation_invalid */
export function checkAnnotations(changes: readonly AnnotationChange[]): void {
  for (const { entry, value } of changes) {
    if (
      !entry.startsWith("/") ||
      entry.endsWith("/") ||
      entry.includes("//") ||
      /[*%\x00-\x1f]/.test(entry)
    ) {
      throw new StoreError("annotation_invalid", `annotation entry ${JSON.stringify(entry)} is not valid`);
    }
    if (value !== undefined && value.length > MAX_ANNOTATION_BYTES) {
      throw new StoreError(
        "annotation_too_big",
        `annotation ${entry} has more than ${MAX_ANNOTATION_BYTES} bytes`,
      );
    }
  }
}

/** Sets or removes one annotation of a live message. */
export function setAnnotation(
  batch: Batch,
  state: MailboxState,
  uid: number,
  change: { readonly entry: string; readonly userId: string; readonly value: Uint8Array | undefined },
  modseq: number,
): void {
  const { entry, userId, value } = change;
  const key = [state.id, uid, entry, userId];
  const old = batch.index
    .sql("SELECT value FROM message_annotations WHERE mailbox = ? AND uid = ? AND entry = ? AND user_id = ?")
    .pluck()
    .get(...key) as Buffer | undefined;
  const root = state.statics.quotaRoot;
  batch.changes++;
  if (old !== undefined) {
    state.xorAnnotationCrc(annotationCrc(uid, entry, userId, old));
    batch.quotas.count(root, { annotationBytes: old.length }, -1);
  }
  if (value === undefined) {
    if (old === undefined) return;
    state.numbers.annotations--;
    batch.index
      .sql("DELETE FROM message_annotations WHERE mailbox = ? AND uid = ? AND entry = ? AND user_id = ?")
      .run(...key);
    return;
  }
  if (old === undefined) state.numbers.annotations++;
  state.xorAnnotationCrc(annotationCrc(uid, entry, userId, value));
  batch.quotas.count(root, { annotationBytes: value.length });
  batch.index
    .sql("INSERT OR REPLACE INTO message_annotations VALUES (?, ?, ?, ?, ?, ?)")
    .run(...key, modseq, value);
}

/** Takes the annotations of a message that becomes a tombstone out of CRC and quota; the rows stay with it. */
export function leaveAnnotations(batch: Batch, state: MailboxState, uid: number): void {
  for (const { entry, user_id: userId, value } of annotationsOf(batch, state, uid)) {
    state.xorAnnotationCrc(annotationCrc(uid, entry, userId, value));
    batch.quotas.count(state.statics.quotaRoot, { annotationBytes: value.length }, -1);
  }
}

/** Bytes of all annotations of live messages: what they take of the quota. */
export function annotationBytesOf(batch: Batch, state: MailboxState): number {
  if (state.numbers.annotations === 0) return 0;
  const rows = batch.index
    .sql("SELECT uid, length(value) AS bytes FROM message_annotations WHERE mailbox = ?")
    .all(state.id) as { uid: number; bytes: number }[];
  let total = 0;
  for (const { uid, bytes } of rows) {
    const found = state.find(uid);
    if (found !== undefined && !(found.chunk.flags[found.index]! & SystemFlag.expunged)) total += bytes;
  }
  return total;
}

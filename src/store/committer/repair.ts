/**
 * What `rookery check --repair` does. Each operation mends one kind of damage from what is still there; none of them
 * looks for damage, and the check that asks for it has listed what will be lost.
 */
import { encodeSummary } from "../../mime/summary-codec.ts";
import { summarize } from "../../mime/summarize.ts";
import { SystemFlag } from "../model.ts";
import { EXPECTED_GRANTS, KEY_SPAN } from "../schema.ts";
import { annotationCrc } from "../sync-crc.ts";
import { expungeRecord } from "./append.ts";
import type { Batch } from "./batch.ts";
import type { MailboxState } from "./mailbox-state.ts";
import type { Apply } from "./operation.ts";

/**
 * Counts a mailbox anew. `chunks` that cannot be read go with their records; `lost` records have no body any more: they
 * become tombstones, so that clients and replicas hear of it. Afterwards the mailbox takes changes again. Its quota root
 * has to be counted after it.
 */
export const rebuildMailbox: Apply<"rebuildMailbox"> = (batch, { mailbox, chunks, lost }) => {
  const state = batch.mailbox(mailbox);
  batch.changes++;
  for (const number of chunks) state.dropChunk(number);
  const present = [...lost].filter((uid) => state.find(uid) !== undefined);
  recount(batch, state);
  const gone = present.filter((uid) => {
    const { chunk, index } = state.find(uid)!;
    return !(chunk.flags[index]! & SystemFlag.expunged);
  });
  const modseq = gone.length > 0 || chunks.length > 0 ? state.nextModseq() : 0;
  for (const uid of gone) expungeRecord(batch, state, uid, modseq);
  for (const uid of present) state.loseBody(uid);
  state.numbers.quarantined = 0;
  if (gone.length > 0 || chunks.length > 0) batch.feed("expunge", state);
  return { expunged: gone.length };
};

function recount(batch: Batch, state: MailboxState): void {
  const { numbers } = state;
  state.recount();
  const rows = batch.index
    .sql("SELECT uid, entry, user_id, value FROM message_annotations WHERE mailbox = ?")
    .all(state.id) as { uid: number; entry: string; user_id: string; value: Buffer }[];
  numbers.annotations = rows.length;
  for (const { uid, entry, user_id: userId, value } of rows) {
    const found = state.find(uid);
    if (found === undefined || found.chunk.flags[found.index]! & SystemFlag.expunged) continue;
    state.xorAnnotationCrc(annotationCrc(uid, entry, userId, value));
  }
}

/** Corrects reference counts by differences, so that what was committed since they were counted stays right. */
export const adjustBodies: Apply<"adjustBodies"> = (batch, { changes }) => {
  for (const { body, by } of changes) {
    if (batch.index.body(body) === undefined) continue;
    batch.changes++;
    batch.bodies.addRefs(body, by);
  }
  return undefined;
};

/** Forgets bodies whose bytes are gone, so that nothing new is linked to them. */
export const removeBodies: Apply<"removeBodies"> = (batch, { bodies }) => {
  for (const id of bodies) {
    const body = batch.index.body(id);
    if (body === undefined) continue;
    batch.changes++;
    batch.index.removeBody(body);
  }
  return undefined;
};

export const rebuildSummaries: Apply<"rebuildSummaries"> = (batch, { bodies }) => {
  for (const id of bodies) {
    const body = batch.index.body(id);
    if (body === undefined) continue;
    const bytes = batch.bodies.readBytes(body);
    batch.changes++;
    batch.index.insertSummary(body.summary, encodeSummary(summarize(bytes)));
  }
  return undefined;
};

/** Files a body that no record refers to any more where it first was, under a new UID. */
export const salvageBody: Apply<"salvageBody"> = (batch, { body: id }) => {
  const body = batch.index.body(id);
  if (body === undefined) return undefined;
  const mailbox = Math.floor(body.summary / KEY_SPAN);
  const row = batch.index.mailbox(mailbox);
  if (row === undefined || row.statics.intermediate) return undefined;
  const state = batch.mailbox(mailbox);
  if (state.find(body.summary - mailbox * KEY_SPAN) !== undefined) return undefined;
  const uid = ++state.numbers.lastUid;
  const modseq = state.nextModseq();
  batch.bodies.addRefs(id, 1);
  batch.changes++;
  state.add({
    uid,
    modseq,
    createdModseq: modseq,
    lastUpdated: batch.nowSeconds,
    internalDate: batch.nowSeconds,
    saveDate: batch.nowSeconds,
    sizeBytes: body.length,
    systemFlags: 0,
    keywordBits: undefined,
    guid: body.guid,
    guidAt: 0,
    bodyId: id,
    threadHigh: 0,
    threadLow: 0,
  });
  batch.quotas.count(state.statics.quotaRoot, { bytes: body.length, messages: 1 });
  batch.feed("append", state);
  return { mailbox: state.statics.name, uid };
};

/** Live bytes of segments, by differences. */
export const adjustSegments: Apply<"adjustSegments"> = (batch, { changes }) => {
  for (const { segment, by } of changes) {
    batch.changes++;
    batch.index.sql("UPDATE segments SET live_bytes = live_bytes + ? WHERE id = ?").run(by, segment);
  }
  return undefined;
};

const ORPHANS = [
  "DELETE FROM hot_chunks WHERE key / 4294967296 NOT IN (SELECT id FROM mailboxes)",
  "DELETE FROM cold_chunks WHERE key NOT IN (SELECT key FROM hot_chunks)",
  "DELETE FROM message_annotations WHERE mailbox NOT IN (SELECT id FROM mailboxes)",
  "DELETE FROM mailbox_annotations WHERE mailbox <> 0 AND mailbox NOT IN (SELECT id FROM mailboxes)",
  "DELETE FROM duplicates WHERE mailbox NOT IN (SELECT id FROM mailboxes)",
  "DELETE FROM summaries WHERE key NOT IN (SELECT summary FROM bodies)",
];

/** Rows that belong to nothing. */
export const removeOrphans: Apply<"removeOrphans"> = (batch) => {
  // What this batch has in memory is in the tables when orphans are looked for.
  batch.afterFlush(() => {
    for (const sql of ORPHANS) batch.index.sql(sql).run();
  });
  batch.changes++;
  return undefined;
};

/** Who has rights where, from the ACLs. */
export const rebuildGrants: Apply<"rebuildGrants"> = (batch) => {
  batch.afterFlush(() => {
    batch.index.sql("DELETE FROM acl_grants").run();
    batch.index.sql(`INSERT OR IGNORE INTO acl_grants ${EXPECTED_GRANTS}`).run();
  });
  batch.changes++;
  return undefined;
};

/** Empties the feed: every follower compares in full. */
export const resetFeed: Apply<"resetFeed"> = (batch) => {
  batch.changes++;
  batch.isFeedReset = true;
  return undefined;
};

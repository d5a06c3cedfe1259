/** apply: header values and records exactly as a master says, without a modseq of our own. */
import { StoreError } from "../errors.ts";
import { SystemFlag } from "../model.ts";
import type { NumberField } from "../header-values.ts";
import type { AppliedRecord, ApplyArgs, BodySource } from "../operations.ts";
import { annotationCrc } from "../sync-crc.ts";
import { annotationsOf, leaveAnnotations } from "./annotations.ts";
import { threadWords } from "./append.ts";
import type { Batch } from "./batch.ts";
import type { MailboxState } from "./mailbox-state.ts";
import type { Apply } from "./operation.ts";

export const apply: Apply<"apply"> = (batch, args, bodies) => {
  const state = batch.mailbox(args.mailbox);
  const { ifHighestModseq } = args;
  if (ifHighestModseq !== undefined && ifHighestModseq !== state.numbers.highestModseq) {
    throw new StoreError("conflict", `${state.statics.name} has changed meanwhile`);
  }
  checkRecords(state, args, bodies);
  let appended = false;
  let revived = false;
  let changed = false;
  let expunged = false;
  for (const record of args.records) {
    const found = state.find(record.uid);
    const isLate = record.uid <= state.numbers.lastUid && (record.systemFlags & SystemFlag.expunged) === 0;
    if (found === undefined) {
      revived ||= isLate;
      addRecord(batch, state, record, bodies);
      appended = true;
    } else if (isRevived(args, found, record)) {
      reviveRecord(batch, state, record, bodies);
      appended = true;
      revived = true;
    } else if (!(found.chunk.flags[found.index]! & SystemFlag.expunged)) {
      const goes = (record.systemFlags & SystemFlag.expunged) !== 0;
      replaceRecord(batch, state, record);
      if (goes) expunged = true;
      else changed = true;
    }
  }
  setHeaderValues(batch, state, args);
  if (appended) batch.feed("append", state);
  if (revived) batch.feed("revive", state);
  if (changed) batch.feed("flags", state);
  if (expunged) batch.feed("expunge", state);
  batch.feed(args.acl === undefined ? "header" : "acl", state);
  return undefined;
};

/** @throws StoreError conflict, message_not_found, keyword_limit; nothing is changed then */
function checkRecords(state: MailboxState, args: ApplyArgs, bodies: readonly BodySource[]): void {
  for (const record of args.records) {
    const found = state.find(record.uid);
    if (found === undefined || isRevived(args, found, record)) {
      if (record.body === undefined || bodies[record.body] === undefined) {
        if (record.systemFlags & SystemFlag.expunged) continue;
        throw new StoreError(
          "message_not_found",
          `UID ${record.uid} of ${state.statics.name} came without a body`,
        );
      }
      continue;
    }
    const cold = state.coldOf(found.chunk);
    const guid = Buffer.from(cold.guids.buffer, cold.guids.byteOffset + 20 * found.index, 20).toString("hex");
    if (guid !== record.guid) {
      throw new StoreError("conflict", `UID ${record.uid} of ${state.statics.name} is another message here`);
    }
  }
  state.keywordBits([...new Set(args.records.flatMap((record) => record.keywords))], true);
}

function addRecord(
  batch: Batch,
  state: MailboxState,
  record: AppliedRecord,
  bodies: readonly BodySource[],
): void {
  const source = record.body === undefined ? undefined : bodies[record.body];
  // A tombstone that we never had: only its UID and modseq matter.
  const stored =
    source === undefined
      ? undefined
      : batch.store(source, undefined, state.statics.partition, state.id, record.uid);
  if (stored !== undefined && stored.guidHex !== record.guid) {
    throw new StoreError("conflict", `the bytes of UID ${record.uid} do not have the GUID ${record.guid}`);
  }
  const [threadHigh, threadLow] = threadWords(record.threadId);
  state.add({
    uid: record.uid,
    modseq: record.modseq,
    createdModseq: record.createdModseq,
    lastUpdated: record.lastUpdated,
    internalDate: record.internalDate,
    saveDate: record.saveDate,
    sizeBytes: stored?.length ?? record.sizeBytes,
    systemFlags: record.systemFlags,
    keywordBits: state.keywordBits(record.keywords, true),
    guid: Buffer.from(record.guid, "hex"),
    guidAt: 0,
    bodyId: stored?.id ?? 0,
    threadHigh,
    threadLow,
  });
  batch.changes++;
  state.numbers.lastUid = Math.max(state.numbers.lastUid, record.uid);
  if (record.systemFlags & SystemFlag.expunged) return;
  batch.quotas.count(state.statics.quotaRoot, { bytes: stored?.length ?? 0, messages: 1 });
  setAnnotations(batch, state, record);
}

type Found = NonNullable<ReturnType<MailboxState["find"]>>;

function isRevived({ revive }: ApplyArgs, { chunk, index }: Found, record: AppliedRecord): boolean {
  const isTombstone = (chunk.flags[index]! & SystemFlag.expunged) !== 0;
  return revive && isTombstone && (record.systemFlags & SystemFlag.expunged) === 0;
}

/** The tombstone goes as if it had expired; then the record is new. */
function reviveRecord(
  batch: Batch,
  state: MailboxState,
  record: AppliedRecord,
  bodies: readonly BodySource[],
): void {
  const { chunk, index } = state.find(record.uid)!;
  const old = state.forget(chunk, index);
  if (state.numbers.annotations > 0) {
    const notes = batch.index.sql("DELETE FROM message_annotations WHERE mailbox = ? AND uid = ?");
    state.numbers.annotations -= notes.run(state.id, record.uid).changes;
  }
  addRecord(batch, state, record, bodies);
  batch.bodies.addRefs(old, -1);
}

function replaceRecord(batch: Batch, state: MailboxState, record: AppliedRecord): void {
  const { chunk, index } = state.find(record.uid)!;
  const goes = (record.systemFlags & SystemFlag.expunged) !== 0;
  batch.changes++;
  if (goes) {
    leaveAnnotations(batch, state, record.uid);
    const bytes = state.coldOf(chunk).sizes[index]!;
    batch.quotas.count(state.statics.quotaRoot, { bytes, messages: 1 }, -1);
  } else {
    setAnnotations(batch, state, record);
  }
  const [threadHigh, threadLow] = threadWords(record.threadId);
  state.replaceCold(chunk, index, {
    saveDate: record.saveDate,
    createdModseq: record.createdModseq,
    threadHigh,
    threadLow,
  });
  state.replaceHot(chunk, index, {
    flags: record.systemFlags,
    words: state.keywordBits(record.keywords, true),
    modseq: record.modseq,
    lastUpdated: record.lastUpdated,
    internalDate: record.internalDate,
  });
}

/** All annotations of the message as given; what is not among them goes. */
function setAnnotations(batch: Batch, state: MailboxState, record: AppliedRecord): void {
  const { uid } = record;
  const root = state.statics.quotaRoot;
  if (state.numbers.annotations === 0 && record.annotations.length === 0) return;
  for (const row of annotationsOf(batch, state, uid)) {
    state.xorAnnotationCrc(annotationCrc(uid, row.entry, row.user_id, row.value));
    batch.quotas.count(root, { annotationBytes: row.value.length }, -1);
    state.numbers.annotations--;
  }
  batch.index.sql("DELETE FROM message_annotations WHERE mailbox = ? AND uid = ?").run(state.id, uid);
  for (const { entry, userId, modseq, value } of record.annotations) {
    state.xorAnnotationCrc(annotationCrc(uid, entry, userId, value));
    batch.quotas.count(root, { annotationBytes: value.length });
    state.numbers.annotations++;
    batch.index
      .sql("INSERT OR REPLACE INTO message_annotations VALUES (?, ?, ?, ?, ?, ?)")
      .run(state.id, uid, entry, userId, modseq, value);
  }
}

/** A master that overwrites by force may lower it, but not below what is here (RFC 7162 §3.1.2.1). */
function keepModseq(state: MailboxState, before: number): void {
  const { numbers } = state;
  if (numbers.highestModseq >= before) return;
  for (const { count, modseqs } of state.chunks()) {
    for (let i = 0; i < count; i++) numbers.highestModseq = Math.max(numbers.highestModseq, modseqs[i]!);
  }
  // Records of a copy that is under way are above it until all have come.
  numbers.highestModseq = Math.min(numbers.highestModseq, before);
}

function setHeaderValues(batch: Batch, state: MailboxState, args: ApplyArgs): void {
  const { lastUid, highestModseq } = state.numbers;
  for (const [field, value] of Object.entries(args.numbers)) state.numbers[field as NumberField] = value;
  // A UID is never given twice (RFC 9051 §2.3.1.1), whatever a master says that does not know all of them.
  state.numbers.lastUid = Math.max(state.numbers.lastUid, lastUid);
  keepModseq(state, highestModseq);
  if (args.acl !== undefined) {
    state.setStatics({ acl: args.acl });
    state.nameOrAclChanged = true;
  }
  if (args.options !== undefined) state.setStatics({ options: args.options });
  if (args.specialUse !== undefined) state.setStatics({ specialUse: args.specialUse });
  state.isDirty = true;
  if (args.annotations === undefined) return;
  batch.index.sql("DELETE FROM mailbox_annotations WHERE mailbox = ?").run(state.id);
  for (const { entry, userId, modseq, value } of args.annotations) {
    batch.index
      .sql("INSERT OR REPLACE INTO mailbox_annotations VALUES (?, ?, ?, ?, ?)")
      .run(state.id, entry, userId, modseq, value);
  }
}

/** append, replace, deliver, unexpunge: records that are new in a mailbox. */
import { StoreError } from "../errors.ts";
import { SystemFlag } from "../model.ts";
import type {
  AppendItem,
  AppendedUids,
  BodySource,
  ByActor,
  DeliveredItem,
  DeliverTargetItem,
} from "../operations.ts";
import type { AnnotationChange } from "../port.ts";
import { annotationsOf, checkAnnotations, leaveAnnotations, setAnnotation } from "./annotations.ts";
import type { Batch } from "./batch.ts";
import type { Chunk } from "./chunk.ts";
import type { MailboxState } from "./mailbox-state.ts";
import { clientFlags } from "./new-record.ts";
import type { Apply } from "./operation.ts";
import { changeSeenState, seenIsInRecord } from "./seen-sets.ts";

/** Highest UID a mailbox gives out; RFC 9051 §2.3.1.1 has 32 bits. */
export const MAX_UID = 0xffff_fffe;
const UNSIGNED_32 = 2 ** 32;

export const append: Apply<"append"> = (batch, { mailbox, messages, by }, bodies) => {
  const state = batch.receiving(mailbox);
  const bits = checkMessages(batch, state, messages, bodies);
  return addMessages(batch, state, messages, bits, bodies, by);
};

export const replace: Apply<"replace"> = (batch, { source, uid, target, message, by }, bodies) => {
  const from = batch.writable(source);
  const found = from.find(uid);
  if (found === undefined || found.chunk.flags[found.index]! & SystemFlag.expunged) {
    throw new StoreError("message_not_found", `${from.statics.name} has no message with UID ${uid}`);
  }
  const to = batch.receiving(target);
  const bits = checkMessages(batch, to, [message], bodies);
  const result = addMessages(batch, to, [message], bits, bodies, by);
  expungeRecord(batch, from, uid, from.nextModseq());
  from.bySession = by.sessionId;
  batch.feed("expunge", from);
  return result;
};

export const deliver: Apply<"deliver"> = (batch, { targets }, bodies) =>
  targets.map((target): DeliveredItem => {
    const before = batch.changes;
    try {
      return deliverOne(batch, target, bodies[0]!);
    } catch (error) {
      // One target that is refused does not stop the others; one that was half filed stops the batch.
      if (!(error instanceof StoreError) || batch.changes !== before) throw error;
      return { code: error.code, message: error.message };
    }
  });

function deliverOne(batch: Batch, target: DeliverTargetItem, body: BodySource): DeliveredItem {
  const state = batch.receiving(target.mailbox);
  if (target.duplicateKey !== undefined && isDuplicate(batch, state, target.duplicateKey)) return "duplicate";
  const size = batch.sizeOf(body) + (target.prefix?.length ?? 0);
  checkUids(state, 1);
  if (!target.ignoreQuota) batch.quotas.check(state.statics.quotaRoot, { bytes: size, messages: 1 });
  checkAnnotations(target.annotations);
  const words = state.keywordBits(target.keywords, true);
  const { uid } = addRecord(batch, state, {
    body,
    prefix: target.prefix,
    systemFlags: target.systemFlags,
    words,
    internalDate: batch.nowSeconds,
    saveDate: batch.nowSeconds,
    threadId: "",
    annotations: target.annotations,
    modseq: state.nextModseq(),
  });
  if (target.duplicateKey !== undefined) {
    batch.index
      .sql("INSERT OR REPLACE INTO duplicates VALUES (?, ?, ?)")
      .run(state.id, target.duplicateKey, batch.nowSeconds);
  }
  batch.feed("append", state);
  return { uid, uidValidity: state.numbers.uidValidity };
}

function isDuplicate(batch: Batch, state: MailboxState, key: string): boolean {
  const known = batch.index.sql("SELECT 1 FROM duplicates WHERE mailbox = ? AND key = ?").pluck();
  return known.get(state.id, key) !== undefined;
}

/** Checks all messages before the first is added; returns the keyword bits of each. */
function checkMessages(
  batch: Batch,
  state: MailboxState,
  messages: readonly AppendItem[],
  bodies: readonly BodySource[],
): (Uint32Array | undefined)[] {
  checkUids(state, messages.length);
  let bytes = 0;
  for (const message of messages) {
    bytes += batch.sizeOf(bodies[message.body]!);
    checkAnnotations(message.annotations);
  }
  batch.quotas.check(state.statics.quotaRoot, { bytes, messages: messages.length });
  // All at once first: when there is no room for one, none gets a place.
  state.keywordBits([...new Set(messages.flatMap((message) => message.keywords))], true);
  return messages.map((message) => state.keywordBits(message.keywords, true));
}

function checkUids(state: MailboxState, count: number): void {
  if (state.numbers.lastUid + count > MAX_UID) {
    throw new StoreError("mailbox_operation_invalid", `${state.statics.name} has no more UIDs`);
  }
}

function addMessages(
  batch: Batch,
  state: MailboxState,
  messages: readonly AppendItem[],
  bits: readonly (Uint32Array | undefined)[],
  bodies: readonly BodySource[],
  by: ByActor,
): AppendedUids {
  const modseq = state.nextModseq();
  const uids = new Uint32Array(messages.length);
  const ownSeen = seenIsInRecord(state, by.userId);
  const seen: number[] = [];
  for (const [index, message] of messages.entries()) {
    const isSeen = (message.systemFlags & SystemFlag.seen) !== 0;
    const { uid } = addRecord(batch, state, {
      body: bodies[message.body]!,
      prefix: undefined,
      systemFlags: ownSeen ? message.systemFlags : message.systemFlags & ~SystemFlag.seen,
      words: bits[index],
      internalDate: message.internalDate ?? batch.nowSeconds,
      saveDate: message.saveDate ?? batch.nowSeconds,
      threadId: message.threadId,
      annotations: message.annotations,
      modseq,
    });
    uids[index] = uid;
    if (isSeen && !ownSeen) seen.push(uid);
  }
  if (seen.length > 0) changeSeenState(batch, state, by.userId, { seen, unseen: [] });
  state.bySession = by.sessionId;
  batch.feed("append", state);
  return { uidValidity: state.numbers.uidValidity, uids, modseq };
}

interface RecordValues {
  readonly body: BodySource;
  readonly prefix: Uint8Array | undefined;
  readonly systemFlags: number;
  readonly words: Uint32Array | undefined;
  readonly internalDate: number;
  readonly saveDate: number;
  readonly threadId: string;
  readonly annotations: readonly AnnotationChange[];
  readonly modseq: number;
}

function addRecord(batch: Batch, state: MailboxState, values: RecordValues): { uid: number } {
  const { modseq } = values;
  const uid = ++state.numbers.lastUid;
  const stored = batch.store(values.body, values.prefix, state.statics.partition, state.id, uid);
  const [threadHigh, threadLow] = threadWords(values.threadId);
  state.add({
    uid,
    modseq,
    createdModseq: modseq,
    lastUpdated: batch.nowSeconds,
    internalDate: values.internalDate,
    saveDate: values.saveDate,
    sizeBytes: stored.length,
    systemFlags: clientFlags(values.systemFlags),
    keywordBits: values.words,
    guid: stored.guid,
    guidAt: 0,
    bodyId: stored.id,
    threadHigh,
    threadLow,
  });
  state.numbers.lastAppendDate = batch.nowSeconds;
  batch.quotas.count(state.statics.quotaRoot, { bytes: stored.length, messages: 1 });
  for (const annotation of values.annotations) setAnnotation(batch, state, uid, annotation, modseq);
  return { uid };
}

/** Tombstones come back as new messages with their old flags, without \Deleted. */
export const unexpunge: Apply<"unexpunge"> = (batch, { mailbox, uids, by }) => {
  const state = batch.writable(mailbox);
  const found = [...uids].map((uid) => state.find(uid));
  let bytes = 0;
  for (const [index, record] of found.entries()) {
    if (record === undefined || !(record.chunk.flags[record.index]! & SystemFlag.expunged)) {
      throw new StoreError(
        "message_not_found",
        `UID ${uids[index]} of ${state.statics.name} is no expunged message`,
      );
    }
    bytes += state.coldOf(record.chunk).sizes[record.index]!;
  }
  checkUids(state, found.length);
  batch.quotas.check(state.statics.quotaRoot, { bytes, messages: found.length });
  const modseq = state.nextModseq();
  const flags = ~(SystemFlag.expunged | SystemFlag.deleted);
  const added = found.map((record) => copyRecord(batch, state, record!, state, { modseq, flags }));
  state.bySession = by.sessionId;
  batch.feed("append", state);
  return { uidValidity: state.numbers.uidValidity, uids: Uint32Array.from(added), modseq };
};

/** Puts a copy of a record into `target` under its next UID; `flags` masks its system flags. */
export function copyRecord(
  batch: Batch,
  source: MailboxState,
  { chunk, index }: { readonly chunk: Chunk; readonly index: number },
  target: MailboxState,
  options: {
    readonly modseq: number;
    readonly flags: number;
    readonly words?: Uint32Array | undefined;
    readonly keepsSaveDate?: boolean;
  },
): number {
  const cold = source.coldOf(chunk);
  const sourceUid = chunk.uids[index]!;
  const uid = ++target.numbers.lastUid;
  batch.changes++;
  const bodyId = linkBody(batch, source, cold.bodyIds[index]!, target, uid);
  const words = "words" in options ? options.words : chunk.keywords?.slice(4 * index, 4 * index + 4);
  target.add({
    uid,
    modseq: options.modseq,
    createdModseq: options.modseq,
    lastUpdated: batch.nowSeconds,
    internalDate: chunk.internalDates[index]!,
    saveDate: options.keepsSaveDate === true ? cold.saveDates[index]! : batch.nowSeconds,
    sizeBytes: cold.sizes[index]!,
    systemFlags: clientFlags(chunk.flags[index]! & options.flags),
    keywordBits: words,
    guid: cold.guids,
    guidAt: 20 * index,
    bodyId,
    threadHigh: cold.threadIds[2 * index]!,
    threadLow: cold.threadIds[2 * index + 1]!,
  });
  target.numbers.lastAppendDate = batch.nowSeconds;
  batch.quotas.count(target.statics.quotaRoot, { bytes: cold.sizes[index]!, messages: 1 });
  for (const row of annotationsOf(batch, source, sourceUid)) {
    setAnnotation(
      batch,
      target,
      uid,
      { entry: row.entry, userId: row.user_id, value: row.value },
      options.modseq,
    );
  }
  return uid;
}

/** Bodies of a mailbox are on its partition: a copy inside one need not look where each is. */
function linkBody(
  batch: Batch,
  source: MailboxState,
  bodyId: number,
  target: MailboxState,
  uid: number,
): number {
  if (bodyId === 0 || source.statics.partition !== target.statics.partition) {
    return batch.linkById(bodyId, target.statics.partition, target.id, uid);
  }
  batch.bodies.addRefs(bodyId, 1);
  return bodyId;
}

/** Makes a live record a tombstone, with its annotations and quota. */
export function expungeRecord(batch: Batch, state: MailboxState, uid: number, modseq: number): void {
  const found = state.find(uid);
  if (found === undefined) return;
  batch.changes++;
  // Its rows stay with the tombstone, so that unexpunge brings them back.
  leaveAnnotations(batch, state, uid);
  const bytes = state.expunge(found.chunk, found.index, modseq, batch.nowSeconds);
  batch.quotas.count(state.statics.quotaRoot, { bytes, messages: 1 }, -1);
}

export function threadWords(threadId: string): [number, number] {
  if (threadId === "") return [0, 0];
  const value = BigInt(`0x${threadId.padStart(16, "0").slice(-16)}`);
  return [Number(value / BigInt(UNSIGNED_32)), Number(value % BigInt(UNSIGNED_32))];
}

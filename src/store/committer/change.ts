/** storeFlags, expunge, copy, annotate: changes to records that are there. */
import { StoreError } from "../errors.ts";
import { SystemFlag } from "../model.ts";
import type { FlagsArgs } from "../operations.ts";
import { checkAnnotations, setAnnotation } from "./annotations.ts";
import { copyRecord, expungeRecord } from "./append.ts";
import type { Batch } from "./batch.ts";
import type { Chunk } from "./chunk.ts";
import type { MailboxState } from "./mailbox-state.ts";
import type { Apply } from "./operation.ts";
import { changeSeenState, seenBy, seenIsInRecord } from "./seen-sets.ts";

const CLIENT_FLAGS =
  SystemFlag.deleted | SystemFlag.answered | SystemFlag.flagged | SystemFlag.draft | SystemFlag.seen;
const NO_WORDS = new Uint32Array(4);

/** RFC 9051 §6.4.6, RFC 7162 §3.1.3. Records that would not change keep their modseq. */
export const storeFlags: Apply<"storeFlags"> = (batch, args) => {
  const state = batch.writable(args.mailbox);
  const given =
    state.keywordBits(args.keywordsAllowed ? args.keywords : [], args.mode !== "remove") ?? NO_WORDS;
  const ownSeen = seenIsInRecord(state, args.by.userId);
  const mask = args.allowedSystemFlags & CLIENT_FLAGS & (ownSeen ? ~0 : ~SystemFlag.seen);
  const hasSeen = ownSeen ? undefined : seenBy(batch, state, args.by.userId);
  const words = new Uint32Array(4);
  const changed: number[] = [];
  const modified: number[] = [];
  const seen: number[] = [];
  const unseen: number[] = [];
  let modseq = 0;
  state.eachLive(args.uids, (chunk, index, uid) => {
    if (args.unchangedSince !== undefined && chunk.modseqs[index]! > args.unchangedSince) {
      modified.push(uid);
      return;
    }
    const old = chunk.flags[index]!;
    const flags = newFlags(args, old, mask);
    const seenChange = hasSeen === undefined ? 0 : seenAfter(args, hasSeen(uid, false));
    const keywordsChange = newWords(args, given, chunk, index, words);
    if (flags === old && !keywordsChange && seenChange === 0) return;
    if (modseq === 0) modseq = state.nextModseq();
    if (seenChange > 0) seen.push(uid);
    else if (seenChange < 0) unseen.push(uid);
    state.change(chunk, index, flags, words, modseq, batch.nowSeconds);
    changed.push(uid);
  });
  if (seen.length + unseen.length > 0) {
    changeSeenState(batch, state, args.by.userId, {
      seen: seen.sort(ascending),
      unseen: unseen.sort(ascending),
    });
  }
  if (changed.length > 0) {
    state.bySession = args.by.sessionId;
    batch.feed("flags", state);
  }
  return {
    modseq: state.numbers.highestModseq,
    changed: Uint32Array.from(changed).sort(),
    modified: Uint32Array.from(modified).sort(),
  };
};

function newFlags(args: FlagsArgs, old: number, mask: number): number {
  const given = args.systemFlags & mask;
  if (args.mode === "add") return old | given;
  if (args.mode === "remove") return old & ~given;
  return (old & ~mask) | given;
}

/** 1 = becomes seen, -1 = becomes unseen, 0 = stays, for a user whose \Seen is kept apart. */
function seenAfter(args: FlagsArgs, isSeen: boolean): number {
  if (!(args.allowedSystemFlags & SystemFlag.seen)) return 0;
  const given = (args.systemFlags & SystemFlag.seen) !== 0;
  if (args.mode !== "replace" && !given) return 0;
  const after = args.mode === "remove" ? false : given;
  return after === isSeen ? 0 : after ? 1 : -1;
}

/** Fills `words` with the keyword bits afterwards; true when they differ from those before. */
function newWords(
  args: FlagsArgs,
  given: Uint32Array,
  chunk: Chunk,
  index: number,
  words: Uint32Array,
): boolean {
  let differs = false;
  for (let word = 0; word < 4; word++) {
    const old = chunk.keywords?.[4 * index + word] ?? 0;
    const bits = given[word]!;
    let after = old;
    if (args.mode === "add") after = (old | bits) >>> 0;
    else if (args.mode === "remove") after = (old & ~bits) >>> 0;
    else if (args.keywordsAllowed) after = bits;
    words[word] = after;
    if (after !== old) differs = true;
  }
  return differs;
}

export const expunge: Apply<"expunge"> = (batch, { mailbox, uids, onlyDeleted, by }) => {
  const state = batch.writable(mailbox);
  const gone: number[] = [];
  const take = (chunk: Chunk, index: number, uid: number): void => {
    if (!onlyDeleted || chunk.flags[index]! & SystemFlag.deleted) gone.push(uid);
  };
  if (uids === undefined) {
    if (!onlyDeleted || state.numbers.flaggedDeleted > 0) state.eachLiveOfAll(take);
  } else state.eachLive(uids, take);
  if (gone.length > 0) {
    const modseq = state.nextModseq();
    for (const uid of gone) expungeRecord(batch, state, uid, modseq);
    state.bySession = by.sessionId;
    batch.feed("expunge", state);
  }
  return { uids: Uint32Array.from(gone).sort(), modseq: state.numbers.highestModseq };
};

export const copy: Apply<"copy"> = (batch, { source, uids, target, move, by }) => {
  const from = batch.writable(source);
  const to = batch.receiving(target);
  const records: { chunk: Chunk; index: number; uid: number }[] = [];
  let bytes = 0;
  from.eachLive(uids.slice().sort(), (chunk, index, uid) => {
    records.push({ chunk, index, uid });
    bytes += from.coldOf(chunk).sizes[index]!;
  });
  const empty = new Uint32Array(0);
  const { uidValidity } = to.numbers;
  if (records.length === 0) {
    return { uidValidity, sourceUids: empty, targetUids: empty, modseq: to.numbers.highestModseq };
  }
  const sameRoot = move && from.statics.quotaRoot === to.statics.quotaRoot;
  if (!sameRoot) batch.quotas.check(to.statics.quotaRoot, { bytes, messages: records.length });
  if (to.numbers.lastUid + records.length >= 0xffff_ffff) {
    throw new StoreError("mailbox_operation_invalid", `${to.statics.name} has no more UIDs`);
  }
  const wordsOf = keywordMap(from, to, records);
  const isSeen = seenBy(batch, from, by.userId);
  const ownSeen = seenIsInRecord(to, by.userId);
  const sourceSeenInRecord = seenIsInRecord(from, by.userId);
  const modseq = to.nextModseq();
  const targetUids = new Uint32Array(records.length);
  const seen: number[] = [];
  // Columns are read before the target grows: source and target may be the same mailbox.
  const snapshot = records.map(({ chunk, index, uid }) => ({
    seen: isSeen(uid, (chunk.flags[index]! & SystemFlag.seen) !== 0),
    words: wordsOf(chunk, index),
  }));
  for (const [row, record] of records.entries()) {
    const { seen: wasSeen, words } = snapshot[row]!;
    const at = from === to ? from.find(record.uid)! : record;
    const keepsFlag = ownSeen && sourceSeenInRecord;
    const uid = copyRecord(batch, from, at, to, { modseq, flags: keepsFlag ? ~0 : ~SystemFlag.seen, words });
    targetUids[row] = uid;
    if (wasSeen && !keepsFlag) seen.push(uid);
  }
  if (seen.length > 0) markSeen(batch, to, by.userId, seen, modseq);
  to.bySession = by.sessionId;
  batch.feed("append", to);
  if (move) {
    const gone = from.nextModseq();
    for (const { uid } of records) expungeRecord(batch, from, uid, gone);
    from.bySession = by.sessionId;
    batch.feed("expunge", from);
  }
  const sourceUids = Uint32Array.from(records, ({ uid }) => uid);
  return { uidValidity, sourceUids, targetUids, modseq: to.numbers.highestModseq };
};

function markSeen(
  batch: Batch,
  state: MailboxState,
  user: string,
  uids: readonly number[],
  modseq: number,
): void {
  if (!seenIsInRecord(state, user)) {
    changeSeenState(batch, state, user, { seen: uids, unseen: [] });
    return;
  }
  for (const uid of uids) {
    const { chunk, index } = state.find(uid)!;
    const words = chunk.keywords?.slice(4 * index, 4 * index + 4);
    state.change(chunk, index, chunk.flags[index]! | SystemFlag.seen, words, modseq, batch.nowSeconds);
  }
}

/** Keyword bits of the source as bits of the target. @throws StoreError keyword_limit */
function keywordMap(
  from: MailboxState,
  to: MailboxState,
  records: readonly { chunk: Chunk; index: number }[],
): (chunk: Chunk, index: number) => Uint32Array | undefined {
  if (records.every(({ chunk }) => chunk.keywords === undefined)) return () => undefined;
  if (from === to) return (chunk, index) => chunk.keywords?.slice(4 * index, 4 * index + 4);
  const known = new Map<string, Uint32Array | undefined>();
  const map = (chunk: Chunk, index: number): Uint32Array | undefined => {
    if (chunk.keywords === undefined) return undefined;
    const key = chunk.keywords.subarray(4 * index, 4 * index + 4).join();
    if (!known.has(key)) known.set(key, to.keywordBits(from.keywordsOf(chunk, index), true));
    return known.get(key);
  };
  // All keywords get their place, or the copy is refused, before anything is copied.
  const all = new Set<string>();
  for (const { chunk, index } of records) for (const name of from.keywordsOf(chunk, index)) all.add(name);
  to.keywordBits([...all], true);
  return map;
}

/** RFC 5257: annotations count as a change of the message. */
export const annotate: Apply<"annotate"> = (batch, { mailbox, uids, changes, by }) => {
  const state = batch.writable(mailbox);
  checkAnnotations(changes);
  const live: number[] = [];
  state.eachLive(uids, (_chunk, _index, uid) => live.push(uid));
  let added = 0;
  for (const { value } of changes) added += value?.length ?? 0;
  batch.quotas.check(state.statics.quotaRoot, { annotationBytes: added * live.length });
  if (live.length === 0) return { modseq: state.numbers.highestModseq };
  const modseq = state.nextModseq();
  for (const uid of live) {
    for (const change of changes) setAnnotation(batch, state, uid, change, modseq);
    const { chunk, index } = state.find(uid)!;
    const words = chunk.keywords?.slice(4 * index, 4 * index + 4);
    state.change(chunk, index, chunk.flags[index]!, words, modseq, batch.nowSeconds);
  }
  state.bySession = by.sessionId;
  batch.feed("annotation", state);
  return { modseq };
};

function ascending(a: number, b: number): number {
  return a - b;
}

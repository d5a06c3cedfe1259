/** What a commit did to a mailbox, with the columns of changed records, for the session thread. */
import { assert } from "../../base/assert.ts";
import { packNumbers } from "../mailbox-row.ts";
import { SystemFlag } from "../model.ts";
import type { ColdRows, CommitDelta, HotRows } from "../operations.ts";
import type { Chunk } from "./chunk.ts";
import { CHUNK_BITS } from "./chunk.ts";
import type { MailboxState } from "./mailbox-state.ts";

/** Ascending, each once. */
export function sortedUids(uids: readonly number[]): Uint32Array {
  const sorted = Uint32Array.from(uids);
  let ascending = true;
  for (let i = 1; i < sorted.length && ascending; i++) ascending = sorted[i - 1]! < sorted[i]!;
  if (ascending) return sorted;
  sorted.sort();
  let kept = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[kept++] = sorted[i]!;
  }
  return sorted.slice(0, kept);
}

function eachRecord(
  state: MailboxState,
  uids: Uint32Array,
  visit: (chunk: Chunk, index: number, row: number) => void,
): void {
  let chunk: Chunk | undefined;
  for (let row = 0; row < uids.length; row++) {
    const uid = uids[row]!;
    if (chunk === undefined || chunk.number !== uid >>> CHUNK_BITS) chunk = state.chunk(uid >>> CHUNK_BITS);
    assert(chunk !== undefined, `uid ${uid} has no chunk`);
    visit(chunk, chunk.indexOf(uid), row);
  }
}

export function packHot(state: MailboxState, uids: Uint32Array): HotRows {
  const count = uids.length;
  const modseqs = new Float64Array(count);
  const lastUpdated = new Uint32Array(count);
  const flags = new Uint8Array(count);
  const keywords = state.statics.keywords.length === 0 ? undefined : new Uint32Array(4 * count);
  eachRecord(state, uids, (chunk, index, row) => {
    modseqs[row] = chunk.modseqs[index]!;
    lastUpdated[row] = chunk.lastUpdated[index]!;
    flags[row] = chunk.flags[index]!;
    if (keywords !== undefined && chunk.keywords !== undefined) {
      for (let word = 0; word < 4; word++) keywords[4 * row + word] = chunk.keywords[4 * index + word]!;
    }
  });
  return { uids, modseqs, lastUpdated, flags, keywords };
}

export function packCold(state: MailboxState, uids: Uint32Array): ColdRows {
  const count = uids.length;
  const rows: ColdRows = {
    internalDates: new Float64Array(count),
    createdModseqs: new Float64Array(count),
    threadIds: new Uint32Array(2 * count),
    bodyIds: new Float64Array(count),
    saveDates: new Uint32Array(count),
    sizes: new Uint32Array(count),
    guids: new Uint8Array(20 * count),
  };
  eachRecord(state, uids, (chunk, index, row) => {
    const cold = state.coldOf(chunk);
    rows.internalDates[row] = chunk.internalDates[index]!;
    rows.createdModseqs[row] = cold.createdModseqs[index]!;
    rows.threadIds[2 * row] = cold.threadIds[2 * index]!;
    rows.threadIds[2 * row + 1] = cold.threadIds[2 * index + 1]!;
    rows.bodyIds[row] = cold.bodyIds[index]!;
    rows.saveDates[row] = cold.saveDates[index]!;
    rows.sizes[row] = cold.sizes[index]!;
    for (let i = 0; i < 20; i++) rows.guids[20 * row + i] = cold.guids[20 * index + i]!;
  });
  return rows;
}

export function packDelta(state: MailboxState): CommitDelta {
  const live = (uid: number) => {
    const found = state.find(uid);
    return found !== undefined && !(found.chunk.flags[found.index]! & SystemFlag.expunged);
  };
  const wereExpunged = state.expunged.length > 0;
  const appended = sortedUids(wereExpunged ? state.appended.filter(live) : state.appended);
  let changed = sortedUids(wereExpunged ? state.changed.filter(live) : state.changed);
  if (appended.length > 0 && changed.length > 0) {
    const fresh = new Set(appended);
    changed = changed.filter((uid) => !fresh.has(uid));
  }
  const gone = sortedUids(state.expunged);
  return {
    id: state.id,
    numbers: packNumbers(state.numbers),
    statics: state.staticsChanged ? state.statics : undefined,
    deleted: state.isDeleted,
    nameOrAclChanged: state.nameOrAclChanged,
    bySession: state.bySession,
    appended:
      appended.length === 0 ? undefined : { hot: packHot(state, appended), cold: packCold(state, appended) },
    changed: changed.length === 0 ? undefined : packHot(state, changed),
    expunged: gone.length === 0 ? undefined : { uids: gone, modseqs: modseqsOf(state, gone) },
    touched: state.touched.length === 0 ? undefined : sortedUids(state.touched),
    reload: state.reload,
  };
}

function modseqsOf(state: MailboxState, uids: Uint32Array): Float64Array {
  return Float64Array.from(uids, (uid) => {
    const found = state.find(uid);
    return found === undefined ? state.numbers.highestModseq : found.chunk.modseqs[found.index]!;
  });
}

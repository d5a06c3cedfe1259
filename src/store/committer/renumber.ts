/**
 * renumber: a mailbox begins anew under its name. A fresh one with another UIDVALIDITY and other UIDs takes its place,
 * with its messages, rights, notes and what its readers have seen; the former one goes where deleted mailboxes go.
 *
 * The fresh one has a unique id of its own: UIDs of one mailbox only grow (RFC 9051 §2.3.1.1), and replicas hold us to it.
 */
import { StoreError } from "../errors.ts";
import { toDeletedName } from "../names.ts";
import { copyRecord, MAX_UID } from "./append.ts";
import type { Batch } from "./batch.ts";
import type { MailboxState } from "./mailbox-state.ts";
import { insert, moveName, type NewUniqueId } from "./mailboxes.ts";
import type { Apply } from "./operation.ts";
import { SeenSet, writeSeenState } from "./seen-sets.ts";

interface Move {
  readonly from: number;
  readonly to: number;
}

export function renumberWith(newUniqueId: NewUniqueId): Apply<"renumber"> {
  return (batch, { mailbox, uidValidity, from, to, nextUid }) => {
    const old = batch.writable(mailbox);
    const moves = movesOf(old, from, to, nextUid);
    const { name, type, acl, specialUse, partition, options, keywords } = old.statics;
    moveName(batch, old, freeDeletedName(batch, name));
    batch.feed("delete", old);
    const place = { name, type, acl, specialUse, partition };
    const fresh = insert(
      batch,
      { ...place, uniqueId: undefined, uidValidity, intermediate: false },
      newUniqueId,
    );
    // With the same table the bits of keywords can be copied as they are.
    fresh.setStatics({ options, keywords });
    const { pop3LastLogin, pop3ShowAfter, highestModseq } = old.numbers;
    Object.assign(fresh.numbers, { pop3LastLogin, pop3ShowAfter, highestModseq });
    const modseq = fresh.nextModseq();
    for (const { from: uid, to: newUid } of moves) {
      fresh.numbers.lastUid = newUid - 1;
      copyRecord(batch, old, old.find(uid)!, fresh, { modseq, flags: ~0, keepsSaveDate: true });
    }
    fresh.numbers.lastUid = Math.max(fresh.numbers.lastUid, nextUid - 1);
    fresh.numbers.lastAppendDate = old.numbers.lastAppendDate;
    takeAlong(batch, old, fresh, moves);
    batch.feed("append", fresh);
    return { id: fresh.id };
  };
}

/** Ascending by the new UID; what has no new one comes behind `nextUid`, in its order. @throws StoreError */
function movesOf(old: MailboxState, from: Uint32Array, to: Uint32Array, nextUid: number): Move[] {
  const wanted = new Map(Array.from(from, (uid, index) => [uid, to[index]!]));
  let next = to.reduce((highest, uid) => Math.max(highest, uid + 1), nextUid);
  const moves: Move[] = [];
  old.eachLiveOfAll((_chunk, _index, uid) => {
    moves.push({ from: uid, to: wanted.get(uid) ?? next++ });
  });
  const taken = new Set(moves.map((move) => move.to));
  if (taken.size !== moves.length || taken.has(0) || next - 1 > MAX_UID) {
    throw new StoreError("mailbox_operation_invalid", `${old.statics.name} cannot be given these UIDs`);
  }
  return moves.sort((a, b) => a.to - b.to);
}

function freeDeletedName(batch: Batch, name: string): string {
  let atSeconds = batch.nowSeconds;
  while (batch.index.idOfName(toDeletedName(name, atSeconds)) !== undefined) atSeconds++;
  return toDeletedName(name, atSeconds);
}

/** What hangs on the mailbox by its id or its unique id. */
function takeAlong(batch: Batch, old: MailboxState, fresh: MailboxState, moves: readonly Move[]): void {
  const { index } = batch;
  index
    .sql(
      "INSERT INTO mailbox_annotations SELECT ?, entry, user_id, modseq, value FROM mailbox_annotations WHERE mailbox = ?",
    )
    .run(fresh.id, old.id);
  // A message that was filed already is not to be filed again.
  index.sql("UPDATE duplicates SET mailbox = ? WHERE mailbox = ?").run(fresh.id, old.id);
  const rows = index
    .sql("SELECT user_id, last_read, last_change, seen_uids FROM seen_states WHERE unique_id = ?")
    .all(old.statics.uniqueId) as {
    user_id: string;
    last_read: number;
    last_change: number;
    seen_uids: string;
  }[];
  const { uniqueId, name } = fresh.statics;
  for (const { user_id: userId, last_read: lastRead, last_change: lastChange, seen_uids: before } of rows) {
    const seenBefore = new SeenSet(before);
    const seen = new SeenSet("");
    seen.add(moves.filter((move) => seenBefore.has(move.from)).map((move) => move.to));
    const lastUid = fresh.numbers.lastUid;
    writeSeenState(batch, { userId, uniqueId, lastRead, lastUid, lastChange, seenUids: seen.toString() });
    batch.feedOfUser("seen", userId, name, uniqueId);
  }
}

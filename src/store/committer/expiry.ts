/** expire: what was deleted some days ago goes for good. */
import { SystemFlag, type MailboxId } from "../model.ts";
import { fromDeletedName, nameOfSortKey } from "../names.ts";
import type { ExpiryDays } from "../operations.ts";
import { rowKey } from "../schema.ts";
import type { Batch } from "./batch.ts";
import type { MailboxState } from "./mailbox-state.ts";
import { remove } from "./mailboxes.ts";
import type { Apply } from "./operation.ts";

const SECONDS_A_DAY = 86_400;
/** Records taken out in one operation, so that a long expiry does not hold up deliveries. */
const EXPIRE_STEP = 2_000;
/** Deleted mailboxes that go in one operation. */
const DELETED_STEP = 20;
/** Chunks looked through in one operation. */
const CHUNK_STEP = 2_000;

/** One step of expiry: names and deleted mailboxes first, then messages, mailbox by mailbox. */
export const expire: Apply<"expire"> = (batch, { nowSeconds, days, after }) => {
  const before = (count: number) => nowSeconds - count * SECONDS_A_DAY;
  const mailboxes = after === 0 ? expireNames(batch, days, before) : 0;
  if (mailboxes >= DELETED_STEP) return { messages: 0, mailboxes, next: 0 };
  const { index } = batch;
  const withDead = index
    .sql(
      `SELECT key / 4294967296 FROM hot_chunks INDEXED BY dead_chunks
       WHERE key >= ? AND dead > 0 ORDER BY key LIMIT 1`,
    )
    .pluck();
  let messages = 0;
  let chunks = 0;
  for (let from = after + 1; ;) {
    const id = withDead.get(rowKey(from, 0)) as MailboxId | undefined;
    if (id === undefined) return { messages, mailboxes, next: undefined };
    const state = batch.mailbox(id);
    messages += forgetTombstones(batch, state, before(days.expungedDays), EXPIRE_STEP - messages);
    chunks += state.loadedChunks;
    // There may be more in this one.
    if (messages >= EXPIRE_STEP) return { messages, mailboxes, next: id - 1 };
    if (chunks >= CHUNK_STEP) return { messages, mailboxes, next: id };
    from = id + 1;
  }
};

function expireNames(batch: Batch, days: ExpiryDays, before: (days: number) => number): number {
  const { index } = batch;
  batch.changes++;
  index.sql("DELETE FROM duplicates WHERE at < ?").run(before(days.duplicateDays));
  index.sql("DELETE FROM tombstones WHERE deleted_at < ?").run(before(days.tombstoneDays));
  const deleted = index.sql("SELECT id, key FROM mailboxes WHERE instr(key, 'DELETED\x1f') > 0").all() as {
    id: number;
    key: string;
  }[];
  let mailboxes = 0;
  for (const { id, key } of deleted) {
    const from = fromDeletedName(nameOfSortKey(key));
    if (from === undefined || from.deletedAtSeconds >= before(days.deletedDays)) continue;
    remove(batch, batch.mailbox(id));
    mailboxes++;
    if (mailboxes >= DELETED_STEP) break;
  }
  return mailboxes;
}

/** Takes tombstones of messages older than `before` (seconds) out of a mailbox for good; returns how many. */
function forgetTombstones(batch: Batch, state: MailboxState, before: number, limit: number): number {
  let count = 0;
  for (const chunk of state.chunks()) {
    for (let index = chunk.count - 1; index >= 0 && count < limit; index--) {
      if (!(chunk.flags[index]! & SystemFlag.expunged) || chunk.lastUpdated[index]! >= before) continue;
      const uid = chunk.uids[index]!;
      batch.changes++;
      batch.bodies.addRefs(state.forget(chunk, index), -1);
      const notes = batch.index.sql("DELETE FROM message_annotations WHERE mailbox = ? AND uid = ?");
      if (state.numbers.annotations > 0) state.numbers.annotations -= notes.run(state.id, uid).changes;
      count++;
    }
  }
  return count;
}

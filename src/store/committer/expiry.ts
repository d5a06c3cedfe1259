/** expire: what was deleted some days ago goes for good. */
import { SystemFlag } from "../model.ts";
import { fromDeletedName, nameOfSortKey } from "../names.ts";
import type { Batch } from "./batch.ts";
import type { MailboxState } from "./mailbox-state.ts";
import { remove } from "./mailboxes.ts";
import type { Apply } from "./operation.ts";

const SECONDS_A_DAY = 86_400;
/** Records taken out in one operation, so that a long expiry does not hold up deliveries. */
const EXPIRE_STEP = 2_000;

/** One step of expiry; `more` = call again. */
export const expire: Apply<"expire"> = (batch, { nowSeconds, days }) => {
  const before = (count: number) => nowSeconds - count * SECONDS_A_DAY;
  const { index } = batch;
  batch.changes++;
  index.sql("DELETE FROM duplicates WHERE at < ?").run(before(days.duplicateDays));
  index.sql("DELETE FROM tombstones WHERE deleted_at < ?").run(before(days.tombstoneDays));
  let mailboxes = 0;
  const deleted = index.sql("SELECT id, key FROM mailboxes WHERE instr(key, 'DELETED\x1f') > 0").all() as {
    id: number;
    key: string;
  }[];
  for (const { id, key } of deleted) {
    const from = fromDeletedName(nameOfSortKey(key));
    if (from === undefined || from.deletedAtSeconds >= before(days.deletedDays)) continue;
    remove(batch, batch.mailbox(id));
    mailboxes++;
    if (mailboxes >= 20) return { messages: 0, mailboxes, more: true };
  }
  let messages = 0;
  const withDead = index
    .sql("SELECT DISTINCT key / 4294967296 FROM hot_chunks WHERE dead > 0")
    .pluck()
    .all() as number[];
  for (const id of withDead) {
    messages += forgetTombstones(batch, batch.mailbox(id), before(days.expungedDays), EXPIRE_STEP - messages);
    if (messages >= EXPIRE_STEP) return { messages, mailboxes, more: true };
  }
  return { messages, mailboxes, more: false };
};

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

/** What is counted over mailboxes: references of bodies, live bytes of segments, quota, the feed, rows of nobody. */
import { SystemFlag, type MailboxName } from "../../model.ts";
import { isBelow, nameOfSortKey } from "../../names.ts";
import type { HeaderNumbers, HeaderStatics } from "../../header-values.ts";
import type { ReadIndex } from "../../read-index.ts";
import { EXPECTED_GRANTS } from "../../schema.ts";
import { BODY_HEADER_BYTES } from "../../segment-record.ts";
import { annotationRows, chunksOf, type CountedMailbox } from "./check-mailbox.ts";
import { found, type Check, type RepairPlan } from "./finding.ts";
import type { References } from "./references.ts";

export interface CheckedMailbox {
  readonly statics: HeaderStatics;
  readonly numbers: HeaderNumbers;
}
export interface CheckedAndCounted extends CheckedMailbox {
  readonly counted: CountedMailbox;
}

export function* checkReferences(index: ReadIndex, references: References, plan: RepairPlan): Check {
  for (const { body, counted, inTable } of references.wrong()) {
    const guid = index.sql("SELECT lower(hex(guid)) FROM bodies WHERE id = ?").pluck().get(body) as string;
    if (counted === 0) {
      plan.salvage.push(body);
      yield found({
        kind: "body_orphaned",
        guid,
        text: `body ${guid} belongs to no message`,
        repair: "filed again where it was first, or dropped when its mailbox is gone",
      });
    } else {
      yield found({
        kind: "body_references_wrong",
        guid,
        text: `body ${guid} is counted for ${inTable} messages and belongs to ${counted}`,
        repair: "corrected",
      });
    }
    plan.adjustBodies.push({ body, by: counted - inTable });
  }
}

export function* checkSegmentAccounts(index: ReadIndex, plan: RepairPlan): Check {
  const rows = index
    .sql(
      `SELECT s.id, s.partition, s.live_bytes AS live, s.size,
       coalesce(sum(CASE WHEN b.packed > 0 THEN b.packed ELSE b.length END + ${BODY_HEADER_BYTES}), 0) AS counted
       FROM segments s LEFT JOIN bodies b ON b.segment = s.id WHERE s.active < 2 GROUP BY s.id`,
    )
    .all() as { id: number; partition: string; live: number; size: number; counted: number }[];
  for (const { id, partition, live, counted } of rows) {
    if (live === counted) continue;
    plan.adjustSegments.push({ segment: id, by: counted - live });
    yield found({
      kind: "segment_account_wrong",
      text: `segment ${id} of ${partition} is said to have ${live} live bytes and has ${counted}`,
      repair: "corrected",
    });
  }
}

interface QuotaRow {
  readonly key: string;
  readonly storage_used: number;
  readonly messages_used: number;
  readonly annotation_used: number;
  readonly mailboxes_used: number;
}

export function* checkQuotas(
  index: ReadIndex,
  mailboxes: readonly CheckedAndCounted[],
  plan: RepairPlan,
): Check {
  const rows = index.sql("SELECT * FROM quota_roots").all() as QuotaRow[];
  const roots = new Map(rows.map((row) => [nameOfSortKey(row.key), row]));
  const used = new Map<MailboxName, [number, number, number, number]>();
  for (const { statics, counted } of mailboxes) {
    const { name, quotaRoot } = statics;
    if (statics.intermediate || quotaRoot === undefined) continue;
    if (!roots.has(quotaRoot) || (name !== quotaRoot && !isBelow(name, quotaRoot))) {
      yield found({
        kind: "quota_root_wrong",
        mailbox: name,
        text: `${name} is counted by "${quotaRoot}", which is no quota root of it`,
      });
    }
    const sums = used.get(quotaRoot) ?? [0, 0, 0, 0];
    sums[0] += counted.sizeBytes;
    sums[1] += counted.exists;
    sums[2] += counted.annotations > 0 ? annotationBytes(index, statics.id) : 0;
    sums[3] += 1;
    used.set(quotaRoot, sums);
  }
  for (const [root, row] of roots) {
    const total = used.get(root) ?? [0, 0, 0, 0];
    const said = [row.storage_used, row.messages_used, row.annotation_used, row.mailboxes_used];
    if (total.every((value, i) => value === said[i])) continue;
    plan.quotas.push(root);
    yield found({
      kind: "quota_wrong",
      mailbox: root,
      text: `quota root ${root}: usage is ${said.join(", ")} instead of ${total.join(", ")} (bytes, messages, bytes of annotations, mailboxes)`,
      repair: "counted anew",
    });
  }
}

function annotationBytes(index: ReadIndex, mailbox: number): number {
  const live = new Set<number>();
  for (const chunk of chunksOf(index, mailbox)) {
    if ("unreadable" in chunk) continue;
    for (let i = 0; i < chunk.count; i++) {
      if (!(chunk.hot.flags[i]! & SystemFlag.expunged)) live.add(chunk.hot.uids[i]!);
    }
  }
  let bytes = 0;
  for (const row of annotationRows(index, mailbox)) if (live.has(row.uid)) bytes += row.value.length;
  return bytes;
}

export function* checkFeed(index: ReadIndex, plan: RepairPlan): Check {
  const meta = (name: string) =>
    index.sql("SELECT value FROM meta WHERE name = ?").pluck().get(name) as number;
  const head = meta("feed_head");
  const tail = meta("feed_tail");
  const { low, high, count } = index
    .sql("SELECT min(sequence) AS low, max(sequence) AS high, count(*) AS count FROM feed")
    .get() as { low: number | null; high: number | null; count: number };
  const ahead = index.sql("SELECT name FROM followers WHERE position > ?").pluck().all(head) as string[];
  const isWhole =
    count === 0 ? tail === head + 1 : low === tail && high === head && count === head - tail + 1;
  if (isWhole && ahead.length === 0) return;
  plan.resetFeed = true;
  yield found({
    kind: "feed_broken",
    text: isWhole
      ? `followers of the feed are ahead of it: ${ahead.join(", ")}`
      : `the feed says it has entries ${tail} to ${head} and has ${count} from ${low ?? "-"} to ${high ?? "-"}`,
    repair: "emptied: every follower compares in full",
  });
}

/** Who has rights where, by identifier: what LIST goes by, against the ACLs themselves. */
export function* checkGrants(index: ReadIndex, plan: RepairPlan): Check {
  const table = "SELECT identifier, key, mailbox FROM acl_grants";
  const differing = (wanted: string, had: string) =>
    index.sql(`SELECT count(*) FROM (SELECT * FROM (${wanted}) EXCEPT SELECT * FROM (${had}))`).pluck().get();
  const [missing, stale] = [differing(EXPECTED_GRANTS, table), differing(table, EXPECTED_GRANTS)] as number[];
  if (missing === 0 && stale === 0) return;
  plan.rebuildGrants = true;
  yield found({
    kind: "grants_wrong",
    text: `of the rights that users have, ${missing} are not listed and ${stale} are listed wrongly`,
    repair: "listed anew",
  });
}

/** Rows of mailboxes, chunks and bodies that are not there, by what they are. */
const ORPHANS: readonly (readonly [what: string, sql: string])[] = [
  ["chunks", "SELECT count(*) FROM hot_chunks WHERE key / 4294967296 NOT IN (SELECT id FROM mailboxes)"],
  ["cold halves of chunks", "SELECT count(*) FROM cold_chunks WHERE key NOT IN (SELECT key FROM hot_chunks)"],
  [
    "message annotations",
    "SELECT count(*) FROM message_annotations WHERE mailbox NOT IN (SELECT id FROM mailboxes)",
  ],
  [
    "mailbox annotations",
    "SELECT count(*) FROM mailbox_annotations WHERE mailbox <> 0 AND mailbox NOT IN (SELECT id FROM mailboxes)",
  ],
  ["summaries", "SELECT count(*) FROM summaries WHERE key NOT IN (SELECT summary FROM bodies)"],
];

export function* checkOrphans(index: ReadIndex, plan: RepairPlan): Check {
  for (const [what, sql] of ORPHANS) {
    const count = index.sql(sql).pluck().get() as number;
    if (count === 0) continue;
    plan.removeOrphans = true;
    yield found({ kind: "rows_orphaned", text: `${count} ${what} belong to nothing`, repair: "removed" });
  }
}

/** Carries out what a check has planned, through the committer, while the node goes on. */
import type { CommitQueue } from "../../commit-queue.ts";
import { StoreError } from "../../errors.ts";
import type { MailboxId } from "../../model.ts";
import type { Store } from "../../port.ts";
import type { ReadIndex } from "../../read-index.ts";
import type { BodyPlace } from "../../segment-record.ts";
import type { SegmentReader } from "./check-bodies.ts";
import type { RepairPlan } from "./finding.ts";

/** Items an operation takes at most. */
const STEP = 500;
/** Bodies whose summary is made in one operation. */
const SUMMARY_STEP = 8;
const DAMAGED_KEYWORD = "$Damaged";

export interface RepairParts {
  readonly queue: Pick<CommitQueue, "run">;
  readonly store: Store;
  readonly index: ReadIndex;
  readonly reader: SegmentReader;
}

/** Says what was done, one sentence each. */
export async function repairStore(
  parts: RepairParts,
  plan: RepairPlan,
  said: (text: string) => void,
): Promise<void> {
  const { queue, store } = parts;
  // Copies of damaged messages first: afterwards their bodies are forgotten.
  for (const { mailbox, uid, body } of plan.damaged) await keepDamaged(parts, mailbox, uid, body, said);
  for (const bodies of slices(plan.removeBodies, STEP)) await queue.run("removeBodies", { bodies });
  const roots = new Set(plan.quotas);
  for (const { mailbox, chunks, lost } of plan.mailboxes.values()) {
    const { name, quotaRoot } = store.mailboxes.byId(mailbox) ?? { name: `mailbox ${mailbox}` };
    if (quotaRoot !== undefined) roots.add(quotaRoot);
    const { expunged } = await queue.run("rebuildMailbox", { mailbox, chunks, lost });
    said(`${name}: counted anew, ${expunged} messages without a body expunged`);
  }
  for (const body of plan.salvage) {
    const filed = await queue.run("salvageBody", { body });
    said(
      filed === undefined
        ? `body ${body}: dropped, the message it belonged to is gone on purpose`
        : `body ${body}: filed in ${filed.mailbox} as UID ${filed.uid}`,
    );
  }
  for (const changes of slices(plan.adjustBodies, STEP)) await queue.run("adjustBodies", { changes });
  for (const bodies of slices(plan.rebuildSummaries, SUMMARY_STEP)) {
    await queue.run("rebuildSummaries", { bodies });
  }
  if (plan.rebuildSummaries.length > 0) said(`${plan.rebuildSummaries.length} summaries made anew`);
  for (const changes of slices(plan.adjustSegments, STEP)) await queue.run("adjustSegments", { changes });
  if (plan.removeOrphans) await queue.run("removeOrphans", {});
  if (plan.rebuildGrants) await queue.run("rebuildGrants", {});
  for (const { mailbox, acl } of plan.acls) await queue.run("setHeader", { mailbox, acl });
  for (const { mailbox, specialUse } of plan.specialUses) {
    await queue.run("setHeader", { mailbox, specialUse });
  }
  for (const root of roots) {
    await queue.run("recountQuota", { root });
    said(`quota root ${root}: counted anew`);
  }
  if (plan.resetFeed) {
    await queue.run("resetFeed", {});
    said("the feed is emptied: every follower compares in full");
  }
}

async function keepDamaged(
  { store, index, reader }: RepairParts,
  mailbox: MailboxId,
  uid: number,
  body: number,
  said: (text: string) => void,
): Promise<void> {
  const place = index
    .sql("SELECT partition, segment, offset, length, packed FROM bodies WHERE id = ?")
    .get(body) as BodyPlace | undefined;
  const view = await store.open(mailbox);
  try {
    const at = view.indexOf(uid);
    if (place === undefined || at < 0) return;
    const record = view.record(at);
    const staged = store.stageBuffer(Buffer.from(reader.read(place).bytes));
    const { systemFlags, internalDate } = record;
    const keywords = [...record.keywords, DAMAGED_KEYWORD];
    const { uids } = await store.append(mailbox, [{ body: staged, systemFlags, keywords, internalDate }], {
      userId: "",
      sessionId: 0,
    });
    said(
      `${view.mailbox.name}: UID ${uid} is kept as it can be read, as UID ${uids[0]} with ${DAMAGED_KEYWORD}`,
    );
  } catch (error) {
    // Quota, keywords: the report has named the message, and the rest is mended all the same.
    if (!(error instanceof StoreError)) throw error;
    said(`UID ${uid} of ${view.mailbox.name} could not be kept: ${error.message}`);
  } finally {
    view.release();
  }
}

function* slices<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

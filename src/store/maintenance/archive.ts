/** Which messages the archive takes, and moving their bodies there step by step. */
import type { CommitQueue } from "../commit-queue.ts";
import { SystemFlag } from "../model.ts";
import type { Store } from "../port.ts";
import type { ReadIndex } from "../read-index.ts";
import { chunksOf, type ChunkRecords } from "./check/check-mailbox.ts";

export interface ArchivePolicy {
  /** Messages with an older internal date; undefined = age does not matter. */
  readonly olderThanDays: number | undefined;
  /** Messages larger than this, whatever their age; undefined = size does not matter. */
  readonly largerThanBytes: number | undefined;
}

export interface ArchiveReport {
  readonly moved: number;
  readonly savedBytes: number;
  /** Bodies that stay where they are because they are damaged. */
  readonly damaged: number;
}

const SECONDS_A_DAY = 86_400;
/** Bodies and bytes packed in one commit: deliveries wait for no more than this. */
const STEP_BODIES = 64;
const STEP_BYTES = 2 ** 20;
/** Chunks looked through between two turns of the event loop. */
const CHUNKS_A_TURN = 32;

export async function archiveMessages(
  parts: { readonly queue: Pick<CommitQueue, "run">; readonly index: ReadIndex },
  store: Pick<Store, "mailboxes">,
  policy: ArchivePolicy,
  nowSeconds: number,
): Promise<ArchiveReport> {
  const report = { moved: 0, savedBytes: 0, damaged: 0 };
  const { olderThanDays, largerThanBytes } = policy;
  const before = olderThanDays === undefined ? -1 : nowSeconds - olderThanDays * SECONDS_A_DAY;
  const above = largerThanBytes ?? Number.POSITIVE_INFINITY;
  const findLength = parts.index.sql("SELECT length FROM bodies WHERE id = ? AND packed = 0").pluck();
  let step: number[] = [];
  let stepBytes = 0;
  const run = async () => {
    if (step.length === 0) return;
    const done = await parts.queue.run("archiveBodies", { bodies: step });
    report.moved += done.moved;
    report.savedBytes += done.savedBytes;
    report.damaged += done.damaged;
    step = [];
    stepBytes = 0;
  };
  let chunks = 0;
  for (const { id, intermediate } of store.mailboxes.list("")) {
    if (intermediate) continue;
    for (const chunk of chunksOf(parts.index, id)) {
      if (++chunks % CHUNKS_A_TURN === 0) await new Promise((turn) => setImmediate(turn));
      if ("unreadable" in chunk) continue;
      for (const body of candidates(chunk, before, above)) {
        const length = findLength.get(body) as number | undefined;
        if (length === undefined) continue;
        step.push(body);
        stepBytes += length;
        if (step.length >= STEP_BODIES || stepBytes >= STEP_BYTES) await run();
      }
    }
  }
  await run();
  return report;
}

function candidates({ hot, cold, count }: ChunkRecords, before: number, above: number): number[] {
  const bodies: number[] = [];
  for (let i = 0; i < count; i++) {
    // A tombstone's body goes with it soon.
    if (hot.flags[i]! & SystemFlag.expunged) continue;
    if (hot.internalDates[i]! < before || cold.sizes[i]! > above) bodies.push(cold.bodyIds[i]!);
  }
  return bodies;
}

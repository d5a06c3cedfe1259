/** Which segments are worth rewriting, and rewriting them step by step. */
import type { CommitQueue } from "../commit-queue.ts";
import type { OperationMap } from "../operations.ts";
import type { ReadIndex } from "../read-index.ts";

/** Bytes moved in one commit: deliveries wait for no more than this. */
const STEP_BYTES = 2 * 2 ** 20;

export interface CompactOptions {
  /** Segments whose live part is below this are rewritten: 0 … 1; 1 = all that have anything dead. */
  readonly belowLive: number;
  /** Smaller segments are left alone. */
  readonly minBytes?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface CompactReport {
  readonly segments: number;
  readonly movedBytes: number;
  readonly freedBytes: number;
  /** Segments that stay because some of their bodies cannot be read. */
  readonly stuck: readonly number[];
}

interface Parts {
  readonly queue: Pick<CommitQueue, "run">;
  readonly index: ReadIndex;
}

export async function compactSegments(parts: Parts, options: CompactOptions): Promise<CompactReport> {
  const rows = parts.index
    .sql(
      "SELECT id, size, live_bytes AS live FROM segments WHERE active < 2 AND size >= ? AND live_bytes < size * ?",
    )
    .all(Math.max(1, options.minBytes ?? 0), options.belowLive) as {
    id: number;
    size: number;
    live: number;
  }[];
  const stuck: number[] = [];
  let moved = 0;
  let freedBytes = 0;
  for (const [done, { id, size }] of rows.entries()) {
    options.onProgress?.(done, rows.length);
    const { movedBytes, isStuck } = await compactOne(parts, id);
    moved += movedBytes;
    if (isStuck) stuck.push(id);
    else freedBytes += size - movedBytes;
  }
  return { segments: rows.length, movedBytes: moved, freedBytes, stuck };
}

async function compactOne(parts: Parts, segment: number): Promise<{ movedBytes: number; isStuck: boolean }> {
  let movedBytes = 0;
  let from = 0;
  let byRows = false;
  for (;;) {
    const step: OperationMap["compactSegment"]["result"] = await parts.queue.run("compactSegment", {
      segment,
      from,
      byRows,
      maxBytes: STEP_BYTES,
    });
    movedBytes += step.movedBytes;
    if (step.isDone) return { movedBytes, isStuck: step.isStuck };
    from = step.next;
    byRows = step.byRows;
  }
}

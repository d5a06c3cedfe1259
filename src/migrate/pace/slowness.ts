/**
 * Notices that a host answers more slowly than it did, for hosts that never say a word about it.
 *
 * Answers are compared only with answers of their kind (so many messages of such a size), block by block,
 * and slow ones only count when a mail program would notice, too. What it was told of once is the new measure: a host that
 * stays slow for reasons of its own is not asked for less and less.
 */

/** One answer of the host, in which nobody else kept it waiting. */
export interface Answer {
  readonly messages: number;
  readonly bytes: number;
  readonly tookMs: number;
}

interface Kind {
  /** Milliseconds an answer took, of the block that is being filled. */
  block: number[];
  /** What blocks of this kind used to take. */
  usualMs: number;
  slowBlocks: number;
}

const ANSWERS_A_BLOCK = 8;
/** One slow block may be a backup that starts, or one large mailbox. */
const BLOCKS_IN_ROW = 2;
const SLOWER = 4;
/** Answers below it are not slow, however fast the host was. */
const LEAST_MS = 1000;
/** A host that is a little slower each time is not held to its best day. */
const FORGET = 1.05;

export class Slowness {
  readonly #kinds = new Map<string, Kind>();

  /** Why the host shall be asked for less; undefined = it answers as it used to. */
  add({ messages, bytes, tookMs }: Answer): string | undefined {
    if (messages === 0) return undefined;
    // Powers of two and of four: some hundred kinds at most.
    const kindKey = `${Math.floor(Math.log2(messages))} ${Math.floor(Math.log2(bytes / messages + 1) / 2)}`;
    let kind = this.#kinds.get(kindKey);
    if (kind === undefined) {
      kind = { block: [], usualMs: Number.POSITIVE_INFINITY, slowBlocks: 0 };
      this.#kinds.set(kindKey, kind);
    }
    kind.block.push(tookMs);
    if (kind.block.length < ANSWERS_A_BLOCK) return undefined;
    const nowMs = meanMs(kind.block);
    kind.block = [];
    const { usualMs } = kind;
    if (nowMs < LEAST_MS || nowMs < usualMs * SLOWER) {
      kind.slowBlocks = 0;
      kind.usualMs = Math.min(nowMs, usualMs * FORGET);
      return undefined;
    }
    kind.slowBlocks++;
    if (kind.slowBlocks < BLOCKS_IN_ROW) return undefined;
    kind.slowBlocks = 0;
    kind.usualMs = nowMs;
    return `answers got slow: ${Math.round(nowMs)} ms for what took ${Math.round(usualMs)} ms (${messages} messages)`;
  }
}

/** Without the longest, which may be a hiccup. Not the median: answers to commands that stand in line come in bursts. */
function meanMs(block: readonly number[]): number {
  const sum = block.reduce((total, tookMs) => total + tookMs, 0);
  return (sum - Math.max(...block)) / (block.length - 1);
}

/** What a mailbox is told of a record that is new in it. */
import { SystemFlag } from "../model.ts";

export interface NewRecord {
  readonly uid: number;
  readonly modseq: number;
  readonly createdModseq: number;
  readonly lastUpdated: number;
  readonly internalDate: number;
  readonly saveDate: number;
  readonly sizeBytes: number;
  readonly systemFlags: number;
  readonly keywordBits: Uint32Array | undefined;
  readonly guid: Uint8Array;
  /** Where in `guid` the 20 bytes are. */
  readonly guidAt: number;
  readonly bodyId: number;
  readonly threadHigh: number;
  readonly threadLow: number;
}

const LIVE_FLAGS = 0xff & ~SystemFlag.expunged;

/** What clients may set: everything but the tombstone bit. */
export function clientFlags(flags: number): number {
  return flags & LIVE_FLAGS & 0x3f;
}

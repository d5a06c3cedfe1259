import { assert } from "./assert.ts";

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Unique identifier of a message in a mailbox: 1..2^32-1, strictly ascending (RFC 9051 §2.3.1.1). */
export type Uid = Branded<number, "Uid">;
/** Modification sequence: 0..2^53-1 here; RFC 7162 §3.1 allows 63 bits, no store gets that far. */
export type Modseq = Branded<number, "Modseq">;

export const MAX_UINT32 = 0xffff_ffff;

export function toUid(value: number): Uid {
  assert(Number.isInteger(value) && value >= 1 && value <= MAX_UINT32, `uid out of range: ${value}`);
  return value as Uid;
}

export function toModseq(value: number): Modseq {
  assert(Number.isSafeInteger(value) && value >= 0, `modseq out of range: ${value}`);
  return value as Modseq;
}

/** SyncKey: a number that grows and a random part, so that a key of an earlier life of the state is not taken for one of this. */
import type { Random } from "../../base/io/random.ts";

const RANDOM_BYTES = 6;
/** MS-ASCMD §2.2.3.181: at most 64 characters. */
const FORM = /^(\d{1,15})-([0-9a-f]{12})$/;

export const FIRST_KEY = "0";

export function newKey(random: Random): string {
  return `1-${random.bytes(RANDOM_BYTES).toString("hex")}`;
}

export function nextKey(key: string, random: Random): string {
  const number = Number(FORM.exec(key)?.[1] ?? 0);
  return `${number + 1}-${random.bytes(RANDOM_BYTES).toString("hex")}`;
}

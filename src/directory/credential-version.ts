import type { Random } from "../base/io/random.ts";

/** Random, so that a user made anew under an old name has another one; 48 bits stay exact in a number. */
export function newCredentialVersion(random: Random): number {
  return random.bytes(6).readUIntBE(0, 6);
}

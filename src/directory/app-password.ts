/**
 * Passwords for one device or program, made here: `k3fj-qxwz-7mna-2bcd-yh5t`. The first group is the id, kept in the
 * clear; the other four are 80 random bits, kept as an argon2id hash. So one hash decides about any password, and a
 * user's number of app passwords shows in no timing.
 */
import type { Random } from "../base/io/random.ts";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const GROUPS = 5;
const GROUP_CHARACTERS = 4;
const SHAPE = /^[a-z2-7]{20}$/;

export function makeAppPassword(random: Random): { readonly id: string; readonly password: string } {
  const bytes = random.bytes(GROUPS * GROUP_CHARACTERS);
  // 32 divides 256, so the remainder has no bias.
  const text = Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]).join("");
  const groups = text.match(/.{4}/g) ?? [];
  return { id: text.slice(0, GROUP_CHARACTERS), password: groups.join("-") };
}

/** The hashed form, whatever the user made of dashes, blanks and case; undefined when it cannot be one. */
export function normalAppPassword(
  password: string,
): { readonly id: string; readonly text: string } | undefined {
  if (password.length > 64) return undefined;
  const text = password.replace(/[\s-]/g, "").toLowerCase();
  return SHAPE.test(text) ? { id: text.slice(0, GROUP_CHARACTERS), text } : undefined;
}
